/*
 * json_printer.h - what the sources that print JSON share.
 *
 * Every function that returns int gives PL_OK or the error that ends the printing;
 * want of room or memory stays in the buffer and is asked for now and then.
 *
 * Threads: none of its own.
 */
#ifndef PL_PB_JSON_PRINTER_H
#define PL_PB_JSON_PRINTER_H

#include "pb/json_view.h"

/* Appends a message that came in these pieces, none for an empty one. */
int pl_pb_json_print_message(const ProtobufCMessageDescriptor *descriptor,
                             struct pl_pb_json_parts pieces, struct pl_bytebuf *out);

/* The same where it has a form of its own (json_name.h). */
int pl_pb_json_print_known(const ProtobufCMessageDescriptor *descriptor,
                           struct pl_pb_json_parts pieces, struct pl_bytebuf *out);

/* Appends the value of a singular field; its default where there are no parts. */
int pl_pb_json_print_single(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts,
                            struct pl_bytebuf *out);

/* Appends the elements of a repeated field, and the entries of a map, of which the
 * last one of a key counts. */
int pl_pb_json_print_list(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts,
                          struct pl_bytebuf *out);
int pl_pb_json_print_map(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts,
                         struct pl_bytebuf *out);

/* Appends a number on the wire as the JSON value of a field of that type. */
void pl_pb_json_print_number(const ProtobufCFieldDescriptor *field, uint64_t number,
                             struct pl_bytebuf *out);

#endif
