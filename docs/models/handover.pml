/*
 * handover.pml - a stream between the log and the live flow.
 *
 * What is modelled, and how to check it: README.md. Every event is owed to the one
 * stream, so what it is given must be 1, 2, 3, … whatever the order of things.
 *
 * WRONG_... are deliberate mistakes, each of which must be found.
 */
#ifndef EVENTS
#define EVENTS 4 /* in the log at the end */
#endif
#ifndef PAGE
#define PAGE 2 /* events in a page, at most */
#endif
#ifndef LOSSES
#define LOSSES 1 /* how often the client loses its connection */
#endif

mtype = { REPLY, FEED };
mtype = { ASKING, CATCHING_UP, LIVE };
mtype = { NO_PAGE, WANTED, HELD };

/* the store: what is committed */
byte room[EVENTS + 1]; /* of the event at each position: 0 or 1 */
byte committed;

/* the client */
bool asked;   /* SUBSCRIBE is on its way to the engine */
byte given;   /* the last event that it was given, and its cursor */
byte losses;

/* from the engine to the loop, in order: REPLY(shown), FEED(first, last) */
chan to_loop = [3] of { mtype, byte, byte };
/* to a reader, and back: the cursor; through */
chan to_reader = [1] of { byte, byte };
chan to_stream = [1] of { byte, byte };
byte stream_number; /* whose page it is */

/* A batch of up to two events; a SUBSCRIBE may stand anywhere among them. Its answer
 * leaves before the feed, and both after the commit. */
active proctype engine()
{
    byte first, last, shown;
    bool answers;

end:
    do
    :: asked || committed < EVENTS ->
        atomic {
            first = committed + 1;
            last = committed;
            answers = asked;
            shown = committed;
            if
            :: committed < EVENTS -> last++; room[last] = 0
            :: committed < EVENTS -> last++; room[last] = 1
            :: answers
            fi;
            if
            :: last > committed -> shown = last
            :: true
            fi;
            if
            :: last > committed && last < EVENTS -> last++; room[last] = 0
            :: last > committed && last < EVENTS -> last++; room[last] = 1
            :: true
            fi;
            if
            :: answers -> asked = false
            :: else
            fi
        };
        committed = last;
#ifdef WRONG_FEED_FIRST
        if
        :: first <= last -> to_loop!FEED(first, last)
        :: else
        fi;
        if
        :: answers -> to_loop!REPLY(shown, 0)
        :: else
        fi;
#else
        if
        :: answers -> to_loop!REPLY(shown, 0)
        :: else
        fi;
        if
        :: first <= last -> to_loop!FEED(first, last)
        :: else
        fi;
#endif
        first = 0;
        last = 0;
        shown = 0;
        answers = false
    od
}

/* Reads a page in a snapshot of its own moment, and says through where it looked. */
active proctype reader()
{
    byte number, cursor, through;

end:
    do
    :: to_reader?number, cursor ->
        atomic {
            through = committed;
            if
            :: through > cursor + PAGE -> through = cursor + PAGE
            :: else
            fi
        };
        to_stream!number, through;
        number = 0;
        cursor = 0;
        through = 0
    od
}

/* The first event of room r in its tail beyond `after`; 0: there is none. */
inline find_next(r, after, ret)
{
    ret = 0;
    i = EVENTS;
    do
    :: i > after ->
        if
        :: in_tail[i] && room[i] == r -> ret = i
        :: else
        fi;
        i--
    :: else -> break
    od;
    i = 0
}

/* A loop with one stream, and the tails of its two rooms. */
active proctype loop()
{
    mtype state = ASKING;
    mtype page = NO_PAGE;
    byte cursor, pages_until, through, at;
    byte floor[2];          /* all events of a room beyond it, up to the last feed, are there */
    byte next[2];           /* of a live stream: the room's next entry; 0: at rest */
    bool in_tail[EVENTS + 1];
    byte applied, kept;     /* by feeds; up to here nothing is kept */
    byte first, last, number, i, r;
    bool others;            /* have the tails from the beginning */

    if
    :: others = true
    :: others = false
    fi;
    asked = true;
    do
    /* letters */
    :: to_loop?REPLY(first, last) ->
        d_step { /* first: shown. A new tail begins beyond it. */
            if
            :: !others ->
#ifdef WRONG_NEW_TAIL
                floor[0] = given;
                floor[1] = given;
#else
                floor[0] = first;
                floor[1] = first;
#endif
                do
                :: kept < first -> kept++; in_tail[kept] = false
                :: else -> break
                od
            :: else
            fi;
            cursor = given;
#ifdef WRONG_NEW_TAIL
            pages_until = given;
#else
            pages_until = first;
#endif
            state = CATCHING_UP;
            first = 0;
            last = 0
        }
    :: to_loop?FEED(first, last) ->
        d_step {
            do
            :: first <= last ->
                if
                :: first > kept && (others || state == LIVE || state == CATCHING_UP) ->
                    in_tail[first] = true;
                    if
#ifdef WRONG_NOT_BEYOND
                    :: state == LIVE && next[room[first]] == 0 -> next[room[first]] = first
#else
                    :: state == LIVE && next[room[first]] == 0 && first > cursor ->
                        next[room[first]] = first
#endif
                    :: else
                    fi
                :: first > kept && !(others || state == LIVE || state == CATCHING_UP) ->
                    kept = first
                :: else
                fi;
                if
                :: first > applied -> applied = first
                :: else
                fi;
                first++
            :: else -> break
            od;
            first = 0;
            last = 0
        }
    /* the budget: the oldest that is kept goes, and its room's floor rises */
    :: kept < applied ->
        d_step {
            kept++;
            in_tail[kept] = false;
            if
            :: floor[room[kept]] < kept -> floor[room[kept]] = kept
            :: else
            fi
        }
    /* the turn: live, if the tails have all that is owed; else a page */
    :: state == CATCHING_UP && page == NO_PAGE ->
        atomic {
            if
#ifdef WRONG_ONE_FLOOR
            :: cursor >= pages_until && cursor >= floor[0] ->
#else
            :: cursor >= pages_until && cursor >= floor[0] && cursor >= floor[1] ->
#endif
                state = LIVE;
#ifdef WRONG_REPEAT
                find_next(0, 0, next[0]);
                find_next(1, 0, next[1])
#else
                find_next(0, cursor, next[0]);
                find_next(1, cursor, next[1])
#endif
            :: else ->
                page = WANTED;
                to_reader!stream_number, cursor
            fi
        }
    :: to_stream?number, last ->
        d_step {
            if
            :: number == stream_number && page == WANTED ->
                page = HELD;
                through = last;
                at = cursor
            :: else /* of a stream that is gone */
            fi;
            number = 0;
            last = 0
        }
    /* the client reads: of a page */
    :: page == HELD ->
        atomic {
            if
            :: at < through ->
                at++;
                assert(at == given + 1);
                given = at
            :: else ->
                cursor = through;
                through = 0;
                at = 0;
                page = NO_PAGE
            fi
        }
    /* or of the tails: the room whose next entry is the lower one */
    :: state == LIVE && (next[0] > 0 || next[1] > 0) ->
        atomic {
            r = ((next[1] == 0 || (next[0] > 0 && next[0] < next[1])) -> 0 : 1);
            if
            :: in_tail[next[r]] ->
                cursor = next[r];
                assert(cursor == given + 1); /* none lost, none again, none out of order */
                given = cursor;
                find_next(r, cursor, next[r])
            :: else -> /* it has left the tail */
#ifdef WRONG_NO_FALL
                find_next(r, cursor, next[r])
#else
                state = CATCHING_UP;
                next[0] = 0;
                next[1] = 0
#endif
            fi;
            r = 0
        }
    /* the client's connection is lost, and it comes back with its cursor */
    :: state != ASKING && losses < LOSSES ->
        d_step {
            losses++;
            stream_number++;
            state = ASKING;
            page = NO_PAGE;
            through = 0;
            at = 0;
            cursor = 0;
            pages_until = 0;
            next[0] = 0;
            next[1] = 0;
            if
            :: !others -> /* its tails go with it */
                do
                :: kept < applied -> kept++; in_tail[kept] = false
                :: else -> break
                od
            :: else
            fi;
            asked = true
        }
    /* everything was said */
    :: given == EVENTS && state == LIVE && empty(to_loop) && empty(to_reader) &&
           empty(to_stream) && !asked ->
        break
    od;
    assert(committed == EVENTS)
}
