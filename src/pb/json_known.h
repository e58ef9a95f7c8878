/* json_known.h - the fields of google/protobuf's messages that have a form of their
 * own in JSON, by their numbers there. */
#ifndef PL_PB_JSON_KNOWN_H
#define PL_PB_JSON_KNOWN_H

enum {
    PL_PB_TIME_SECONDS = 1, /* of Timestamp and Duration */
    PL_PB_TIME_NANOS = 2,
    PL_PB_MASK_PATHS = 1,
    PL_PB_ONLY_FIELD = 1, /* of wrappers, Struct and ListValue */
    PL_PB_VALUE_NULL = 1,
    PL_PB_VALUE_NUMBER = 2,
    PL_PB_VALUE_STRING = 3,
    PL_PB_VALUE_BOOL = 4,
    PL_PB_VALUE_STRUCT = 5,
    PL_PB_VALUE_LIST = 6,
};

#endif
