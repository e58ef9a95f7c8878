/* names.c - the alphabets of names and ids that people choose. */
#include "model/room.h"
#include "model/user.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Of how many characters of the alphabet the string is made, or 0 if of any
 * other. */
static size_t name_size(const char *name, size_t size_max)
{
    size_t size = 0;

    for (; name[size] != 0; size++) {
        char c = name[size];

        if (size == size_max)
            return 0;
        if (!is_lower(c) && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return 0;
    }
    return size;
}

bool pl_user_name_valid(const char *name)
{
    return is_lower(name[0]) && name_size(name, PL_USER_NAME_SIZE_MAX) > 0;
}

bool pl_room_name_valid(const char *name)
{
    return name_size(name, PL_ROOM_NAME_SIZE_MAX) > 0;
}

bool pl_room_ref_valid(const char *name)
{
    if (name[0] == '@')
        return name_size(name + 1, PL_ROOM_NAME_SIZE_MAX - 1) > 0;
    return pl_room_name_valid(name);
}

uint32_t pl_room_partition(pl_room_id room)
{
    /* SplitMix64's finisher: neighbours go far apart */
    uint64_t x = room.v;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (uint32_t)((x ^ (x >> 31)) % PL_PARTITIONS_LEN);
}
