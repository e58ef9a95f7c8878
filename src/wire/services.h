/*
 * services.h - the services of parla.v1, as protobuf-c generates them: what their
 * methods take and give.
 */
#ifndef PL_WIRE_SERVICES_H
#define PL_WIRE_SERVICES_H

struct ProtobufCServiceDescriptor;

extern const struct ProtobufCServiceDescriptor parla__v1__session_service__descriptor;
extern const struct ProtobufCServiceDescriptor parla__v1__user_service__descriptor;
extern const struct ProtobufCServiceDescriptor parla__v1__room_service__descriptor;
extern const struct ProtobufCServiceDescriptor parla__v1__chat_service__descriptor;

#endif
