"""The cache protocol (docs/protocol.md) for one row of two fields, checked exhaustively.

Every arrow is one atomic step: a Redis command, a Lua script or a SQL statement. Between any two steps any
actor may run, be killed, or see the slot evicted. -v prints the trace of each violation, --deep adds the slow
combinations.

Actors (a trailing digit is the field they write, 0 or 1):
  W write-through update, C cache-aside update (no mark, for it fills nothing), U the same as another live version's slot sees it, X write-through update that the source refuses, D delete,
  K create, H the same as another live version's slot sees it, M save() of one named field, S whole save() that merges, E whole save() that refuses; each may be rolled back once and is tried again,
  Q QuerySet.update() of one field: lock, stamp, what waits and the own field, commit; may be rolled back once and is tried again,
  B write-behind update (reads its base first), R read,
  F flusher (reaps, claims, commits, settles, acknowledges), G flusher whose source refuses field 1 (dead letter),
  T operator's retry of what is flagged, Y operator's discard of it,
  J janitor: empties the slot for writers that died before they acknowledged (the queue's `owed`),
  O the queue, of which too much is owed: forgets the writers that died, and owes all slots to the cache instead,
  Z deletes the slot's version: retires it, sweeps, takes it out of the set; then a process may announce it anew,
  P failover of the cache: a replica receives what the slot is at some moment, and is promoted at a later one,
  N an operator switches off: notes it at the queue, drains, sweeps, takes the versions out of the set,  I switches on: sweeps, removes the note; then a process may announce the version anew,
  A an update by a process that is switched off by its setting: one statement and no step besides; there are such only while N's switch has come to its end,
  L a read by a process that was told of the switch, perhaps long ago (it looks at no slot),  V a delete by such a process (no mark).
A value is the pair of stamps of the writes that its two fields come from, so "older" can be seen field by field.
State:
  slot     None | ('L', who, server) lease | ('T', who, old, server) mark over the old slot | ('V', stamp, value, server) | ('N', -1, None, server) known missing
           A value is of the server whose lease, mark or base it was put over. (The code keeps that of a lease or a mark in
           the reader or the writer; that is the same, for it is looked at only while the lease or mark is its own.)
  clock    last stamp handed out
  pending  stamp per field waiting in the queue, 0 for none
  claim    who flushes the row: an actor, 'list' while its id waits in the list, 'dead' for a dead letter, None for none
  row      (stamp, value) in the source;  alive: the row exists;  gone: write-behind is refused
  lock     the save or bulk update whose transaction holds the row's lock, None for none
  version  what is announced of the slot's version: (state, how often it was announced), None while it is not in the set
  closed   (0 open, 1 being switched off, 2 off; how often it was switched off): the note that is told in place of what is announced
  acked    highest acknowledged stamp per field;  deleted: the delete is acknowledged;  owed: writers under way
  refused  stamp of the waiting value of field 1 that is flagged as refused, 0 for none. With `refuses`, the source refuses what waits for field 1
  again    (stamp, write that it comes from) of a retried value
  server   which server is the cache now; it changes with every promotion
With `manager`, the registration names one that hides rows by field 1: here those whose write had an odd stamp, so that
some interleavings hide the row and others show it again. A "missing" slot then keeps, for the checks alone, the hidden
value that it stands for. B1 is then of another release, without a manager, whose slot is not this one.
With `triggers`, the source itself changes field 1 in each write of the row, which no writer sees: half a stamp more.
"""
import sys

from tests.model_search import search, show

KEYS = ('slot', 'clock', 'pending', 'claim', 'row', 'alive', 'gone', 'acked', 'deleted', 'owed', 'evicts', 'kills', 'flushes', 'lock', 'version', 'refused', 'again', 'closed', 'server')
NONE, ZERO = (0, 0), (0, 0)
LIVE = ('live', 0)
SIGNS = ('STALE', 'FALSE', 'SHOWN')  # in what a step says of itself, if it is a violation
CACHE = 99  # among the owed: not a writer, but a slot to empty


def put(pair, i, v): return (v, pair[1]) if i == 0 else (pair[0], v)
def top(a, b): return (max(a[0], b[0]), max(a[1], b[1]))


def overlay(row, pending, R, refused=0, again=NONE):
    """What a reader sees: the row, and over it the pending fields that are newer than the row, or flagged."""
    stamp, value = row
    for i in (0, 1):
        if pending[i] > stamp or (pending[i] and (R.get('pending_beats_row') or (i == 1 and pending[1] == refused))): value = put(value, i, again[1] if pending[i] == again[0] else pending[i])
    return max(stamp, *pending[:2]), value


def readable(slot, s, R):
    """The value or "missing" that a reader may take from the slot: not what another server has left."""
    held = slot if slot and slot[0] in 'VN' else slot[2] if slot and slot[0] == 'T' else None
    trusted = R.get('a_slot_of_another_server_is_read') or (slot is not held and R.get('a_mark_shows_what_another_server_left'))
    return held if held and (held[3] == s['server'] or trusted) else None


def server_of(slot, s, mutant, R): return s['server'] if R.get(mutant) else slot[3] if slot[0] in 'VT' else slot[2]


def told(s, R):
    """What the queue says of the slot's version: the note stands in the place of what is announced."""
    return ('closed', s['closed'][1]) if s['version'] and s['closed'][0] and not R.get('a_closed_queue_says_what_is_announced') else s['version']


def origin(stamp, s):
    """The write that the waiting value of field 1 comes from: a retry has a new stamp, and is no new write."""
    return s['again'][1] if stamp and stamp == s['again'][0] else stamp


def hidden(value, R): return bool(R.get('manager')) and value[1] % 2 == 1


def stored(S, val, R): return put(val, 1, S + 0.5) if R.get('triggers') else val


def fills(kind, R): return kind == 'W' and (not R.get('triggers') or R.get('a_write_fills_what_a_trigger_changes'))


def unflagged(pending, refused): return (pending[0], 0 if refused and pending[1] == refused else pending[1])


def flag(s, stamp):
    """Flag what waits for field 1, if it still is that. Without anything unflagged the row leaves the list.

    The slot is owed: the writer may have died before it published, and no flush will settle that."""
    if s['pending'][1] != stamp: return {}
    return dict(refused=stamp, claim=s['claim'] if s['pending'][0] else 'dead', owed=s['owed'] | {CACHE})


def settle_up(s, S, names_1):
    """Drop what is older than S; what is flagged only for a write that names it. Returns the changes, and whether the slot must be emptied once more."""
    refused = s['refused']
    p = tuple(0 if v and v < S and (k == 0 or v != refused or names_1) else v for k, v in enumerate(s['pending']))
    ch = dict(pending=p)
    if refused and p[1] != refused: ch['refused'] = 0
    left = unflagged(p, ch.get('refused', refused))
    if not any(left) and s['claim'] is not None and (any(p) or s['claim'] == 'dead'): ch['claim'] = 'dead' if any(p) else None
    return ch, 'refused' in ch


def settle(slot, stamp, R):
    """Remove whatever may be older than `stamp`."""
    if slot is None or (slot[0] == 'V' and slot[1] >= stamp): return slot
    if slot[0] in 'LT' and R.get({'L': 'settle_spares_lease', 'T': 'settle_spares_mark'}[slot[0]]): return slot
    return None


def write(x, s, i, R):
    """W, C, U, X and D: mark (not C and U), stamp (learning what is pending; W and X at the same time, in either order), commit own and pending fields, finish, supersede, acknowledge."""
    kind, f, pc, S, old, seen, value = x
    def at(pc, S=S, old=old, seen=seen, value=value): return (kind, f, pc, S, old, seen, value)
    slot = s['slot']
    if pc == 0 and (kind in 'CUV' or (kind == 'W' and not fills(kind, R)) or (kind == 'W' and R.get('a_write_that_fills_without_a_mark'))):
        yield {}, at(1), 'no mark'
        return
    if pc in (0, 9):
        keep = None if slot is None else slot if slot[0] in 'VN' else slot[2] if slot[0] == 'T' else None
        older = keep and keep[0] == 'V' and (keep[1] < S or R.get('a_late_mark_lies_over_any_value')) and (keep[3] == s['server'] or R.get('a_late_mark_lies_over_another_servers_value'))
        certain = older or R.get('a_late_mark_is_trusted')
        yield dict(slot=('T', i, keep, s['server'])), at(1 if pc == 0 else 2 if certain else 10), f'mark over {keep}'
    if pc == 10:
        same = s['pending'] + (s['refused'],) == seen and (told(s, R) == old or R.get('a_late_mark_asks_for_no_version'))
        yield {}, at(2 if same else 1), f'asks the queue: {s["pending"]}, {told(s, R)}'
    if pc == 1 or (pc == 0 and kind in 'WX'):  # their mark is under way meanwhile
        S = s['clock'] + 1
        ch = dict(clock=S, owed=s['owed'] | {i})
        if kind in 'DV': ch['gone'] = True
        yield ch, at(9 if pc == 0 else 2, S=S, old=told(s, R), seen=NONE + (0,) if R.get('ignore_pending') else s['pending'] + (s['refused'],)), f'stamp {S}, pending {s["pending"]}, refused {s["refused"]}'
    elif pc == 2:
        stamp, val = s['row']
        if s['lock'] is not None: return  # until the save's transaction is over
        if kind == 'X':
            mine = slot and slot[:2] == ('T', i)
            back = slot[2] if mine else slot
            yield dict(slot=back, owed=s['owed'] - {i}), at('done'), f'refused, slot {back}'
        elif not s['alive'] or (hidden(val, R) and unflagged(seen, seen[2])[1] <= stamp): yield {}, at(7), 'no such row'
        elif kind in 'DV': yield dict(row=(max(S, stamp), val), alive=False), at(3), f'delete {S}'
        elif stamp >= S: yield {}, at(1), 'superseded: new stamp'
        elif is_refused(seen, stamp, f, R): yield {}, at(8), f'the source refuses what waits for field 1, {seen[1]}'
        else:
            carried = unflagged(seen, seen[2])
            for k in (0, 1):
                if carried[k] > stamp and not (k == 1 and R.get('refuses')): val = put(val, k, origin(carried[k], s))
            val = put(val, f, S)
            shown = put(val, 1, origin(seen[1], s)) if f != 1 and seen[1] and seen[1] == seen[2] and not R.get('a_writer_shows_its_row_alone') else val
            yield dict(row=(S, stored(S, val, R))), at(3, value=shown), f'commit {S} {val}'
    elif pc == 8: yield flag(s, seen[1]), at(1), f'flag {seen[1]}'
    elif pc in (3, 7):
        if slot and slot[:2] == ('T', i): new = ('V', S, value, server_of(slot, s, 'a_finish_is_of_the_server_of_now', R)) if fills(kind, R) and pc == 3 else None
        elif slot is None: new = ('V', S, value, s['server']) if kind == 'W' and pc == 3 and R.get('finish_over_nil') else None
        elif kind == 'W' and pc == 3 and R.get('a_write_that_fills_without_a_mark'): new = ('V', S, value, s['server'])
        elif R.get('finish_spares_newer') and slot[0] == 'V' and slot[1] >= S: new = slot
        elif R.get('settle_spares_lease') and slot[0] == 'L': new = slot
        elif R.get('settle_spares_mark') and slot[0] == 'T': new = slot
        else: new = None
        if new and new[0] == 'V' and new[1] == S and (old is None or old[0] != 'live'): new = None  # its version is being deleted
        if new and new[0] == 'V' and new[1] == S and hidden(new[2], R) and not R.get('a_write_that_hides_fills'): new = None
        if kind in 'UV' and old is None: new = slot  # this version is not in the set: nobody knows of the slot
        yield dict(slot=new, **({} if pc == 3 else dict(owed=s['owed'] - {i}))), at(4 if pc == 3 else 'done'), f'finish -> {new}'
    elif pc == 6: yield dict(slot=None), at(4), 'empty the slot of the version that appeared'
    elif pc == 4 and kind in 'UV' and old is None and s['version']: yield {}, at(6, old=s['version']), 'a version appeared'
    elif pc == 4:
        ch, again = ({}, False) if R.get('no_supersede') else settle_up(s, S, f == 1 or kind in 'DV')
        if again and not R.get('a_flag_goes_without_the_slot'): yield ch, at(6), f'supersede, a flagged field too'
        else: yield dict(ch, owed=s['owed'] - {i}), at(5), 'supersede'
    elif pc == 6: yield dict(slot=None), at(4), 'empty the slot, which may show what was flagged'
    elif pc == 5:
        if kind in 'DV': yield dict(deleted=True), at('done'), 'ACK delete'
        else: yield dict(acked=put(s['acked'], f, max(s['acked'][f], S))), at('done'), f'ACK {S} field {f}'


def is_refused(seen, stamp, f, R):
    """Whether the source refuses what a write of field `f` carries."""
    return R.get('refuses') and not R.get('what_is_refused_is_left_unflagged') and f != 1 and seen[1] > stamp and seen[1] != seen[2]


def create(x, s, i, R):
    """K and H: stamp, INSERT, mark, commit, settle up, finish; the row is nobody's before the commit.

    It settles up before it fills: its mark comes after its stamp, so its version may be deleted between the two. A sweep
    that comes after the mark takes the mark away."""
    kind, f, pc, S, ver = x
    def at(pc, S=S, ver=ver): return (kind, f, pc, S, ver)
    slot = s['slot']
    if pc == 0: yield dict(clock=s['clock'] + 1), at(1, S=s['clock'] + 1, ver=told(s, R)), f'stamp {s["clock"] + 1}, {told(s, R)}'
    elif pc == 1:
        if kind == 'H' or R.get('create_without_mark'): yield {}, at(2), 'no mark'
        else: yield dict(slot=('T', i, slot if slot and slot[0] in 'VN' else None, s['server'])), at(2), 'mark'
    elif pc == 2: yield dict(row=(S, stored(S, (S, S), R)), alive=True), at(3), f'commit {S}'
    elif pc == 3:
        if kind == 'H': yield {}, at(4, ver=ver or told(s, R)), f'settle up, {told(s, R)}'
        else:
            same = told(s, R) == ver or R.get('a_create_trusts_its_stamp')
            yield {}, at(4, ver=ver if same else told(s, R) if R.get('a_create_trusts_its_last_look') else None), f'settle up, {told(s, R)}'
    elif pc == 4:
        mine = slot and slot[:2] == ('T', i)
        may = kind == 'K' and fills('W', R) and (not hidden((S, S), R) or R.get('a_write_that_hides_fills')) and ver and ver[0] == 'live' and (mine or (R.get('create_without_mark') and (slot is None or slot[0] == 'N')))
        new = ('V', S, (S, S), slot[3] if mine else s['server']) if may else slot if kind == 'H' and ver is None else None
        yield dict(slot=new), at(5), f'finish -> {new}'
    elif pc == 5: yield dict(acked=top(s['acked'], (S, S))), at('done'), f'ACK {S}'


def write_behind(x, s, i, R):
    """B: base from the slot (or from pending and row), enqueue and learn all that is pending, publish over the base only.

    Over the base byte for byte, not by its stamp: two slots of one stamp may differ while a writer is under way."""
    kind, f, pc, S, base, value = x
    def at(pc, S=S, base=base, value=value): return (kind, f, pc, S, base, value)
    slot = s['slot']
    if pc == 0:
        other = R.get('manager') and f == 1  # its release, and so its slot
        if slot and slot[0] == 'V' and readable(slot, s, R) and not (other and not R.get('what_hides_waits')): yield {}, at(1, base=slot, value=slot[2]), f'base {slot}'
        elif not s['alive'] or (not other and ((slot and slot[0] == 'N' and R.get('manager') and readable(slot, s, R)) or hidden(s['row'][1], R))): yield {}, at('done'), 'no such row'
        else: yield {}, at(1, base=None, value=None), 'no base in the cache'
    elif pc == 1:
        if s['gone']: yield {}, at('done'), 'refused: gone'
        elif s['closed'][0] and not R.get('a_closed_queue_takes_writes'): yield {}, at('done'), 'refused: closed'
        else:
            S = max(s['clock'], base[1] if base else 0) + 1
            p = put(s['pending'], f, S)
            refused = 0 if f == 1 else s['refused']
            v = value
            if v is not None:
                for k in (0, 1):
                    if (p[k] > (base[1] if base else 0) or (k == 1 and p[1] == refused and refused)) and (k == f or not R.get('publish_own_only')): v = put(v, k, origin(p[k], s))
            yield dict(clock=S, pending=p, refused=refused, claim='list' if s['claim'] is None or (s['claim'] == 'dead' and not R.get('dead_stays_dead')) else s['claim']), at(2, S=S, value=v), f'enqueue {S}, pending {p}'
    elif pc == 2:
        if R.get('manager') and f == 1 and not R.get('what_hides_waits'): new = None
        elif value is not None and hidden(value, R) and not R.get('what_is_published_may_be_hidden') and not R.get('what_hides_waits'): new = slot if slot and slot[0] == 'V' and slot[1] >= S else None
        elif slot is None: new = ('V', S, value, s['server']) if R.get('publish_over_nil') and value is not None else None
        elif slot[0] == 'V':
            if slot[1] >= S: new = slot
            elif value is not None and (slot == base or R.get('publish_over_any')): new = ('V', S, value, server_of(base, s, 'a_publish_is_of_the_server_of_now', R))
            else: new = None
        elif slot[0] == 'T' and R.get('publish_spares_mark'): new = slot
        else: new = None
        yield dict(slot=new), at(3), f'publish -> {new}'
    elif pc == 3: yield dict(acked=put(s['acked'], f, max(s['acked'][f], S))), at('done'), f'ACK {S} field {f}'


def read(x, s, i, R):
    kind, fills, pc, lb, lease, pending, got = x
    def at(pc, lb=lb, lease=lease, pending=pending, got=got, fills=fills): return (kind, fills, pc, lb, lease, pending, got)

    def verdict(value, lb):
        acked, deleted = lb
        if value is None: return 'returns missing'
        if value[0] == 'hidden': return f'returns missing, for {value[1]} is hidden' + (f'  STALE: acknowledged {acked}' if value[1][1] < min(acked[1], s['acked'][1]) else '')
        if hidden(value, R): return f'returns {value}  SHOWN: it is hidden'
        stale = deleted or any(value[k] < min(acked[k], s['acked'][k]) for k in (0, 1))  # a discard takes back
        return f'returns {value}' + (f'  STALE: acknowledged {acked}{" and the delete" if deleted else ""}' if stale else '')

    def decided(got, row):
        hides = hidden(row[1] if R.get('a_reader_decides_by_the_row_alone') else got[1], R) and not R.get('a_reader_finds_hidden_rows')
        return (got[0], ('hidden', got[1])) if hides else got
    slot = s['slot']
    if pc == 0:
        lb = (s['acked'], s['deleted'])
        if R.get('comes_back') and s['closed'][0]: return
        if kind == 'L':
            yield {}, at(1, lb=lb, lease=False), 'looks at no slot'
            return
        held = readable(slot, s, R)
        if held: yield {}, at('done', lb=0), 'hit ' + verdict(held[2], lb)
        elif slot and slot[0] in 'VN': yield dict(slot=None), at(0), f'throws out what another server has left'
        else:
            lease = slot is None
            yield (dict(slot=('L', i, s['server'])) if lease else {}), at(1, lb=lb, lease=lease), f'miss, lease {lease}'
    elif pc in (1, 2):
        if (pc == 1) != bool(R.get('source_first')):
            if R.get('source_first') and got is not None: got = overlay(got, s['pending'], R, s['refused'], s['again'])
            now = told(s, R)
            live = now is not None and now[0] == 'live'
            yield {}, at(pc + 1, pending=s['pending'] + (s['refused'],), got=got, fills=int(live or bool(R.get('a_read_fills_any_version')))), f'pending {s["pending"]}, refused {s["refused"]}'
        else:
            if not s['alive']: got = None  # a pending write always had a row, so it was deleted since
            elif R.get('source_first'): got = s['row']
            elif not R.get('a_reader_does_not_ask_again') and 0 < pending[1] <= s['row'][0] and pending[1] != pending[2]:
                yield {}, at(4, got=s['row']), f'row {s["row"]}: has it {pending[1]}, or was that refused?'
                return
            else: got = overlay(s['row'], pending, R, pending[2], s['again'])
            yield {}, at(pc + 1, got=got and decided(got, s['row'])), f'row {s["row"]} -> {got}'
    elif pc == 4:
        if s['pending'][1] != pending[1]: yield {}, at(1, pending=0, got=0), 'asks again: gone, starts over'
        else: yield {}, at(3, got=decided(overlay(got, pending, R, s['refused'], s['again']), got)), f'asks again: refused {s["refused"]}'
    elif pc == 3:
        mine = lease and slot and slot[:2] == ('L', i)
        of = mine and server_of(slot, s, 'a_fill_is_of_the_server_of_now', R)
        new = slot if not mine else None if not fills else ('N', -1, None, of) if got is None else ('N', -1, got[1], of) if got[1][0] == 'hidden' else ('V', *got, of)
        yield dict(slot=new), at('done', lb=0, pending=0, got=0, fills=0), f'fill -> {new}, ' + verdict(got and got[1], lb)


def flush(x, s, i, R):
    kind, _, pc, p = x
    S = max(p)
    if pc == 0:
        if not s['flushes']: return
        if s['claim'] == 'list':
            handed = unflagged(s['pending'], s['refused'])
            if any(handed): yield dict(claim=i, flushes=s['flushes'] - 1), (kind, 0, 1, handed), f'claim {handed}'
            else: yield dict(claim=None), (kind, 0, 0, NONE), 'skip: nothing pending'
        elif isinstance(s['claim'], int): yield dict(claim='list', flushes=s['flushes'] - 1), (kind, 0, 0, NONE), f'reap the claim of {s["claim"]}'
    elif pc == 1:
        stamp, val = s['row']
        if s['lock'] is not None: return
        if not s['alive']: yield {}, (kind, 0, 2, p), 'row is gone'
        elif kind == 'G' and p[1] > stamp: yield {}, (kind, 0, 4, p), 'refused'
        elif stamp < S:
            for k in (0, 1):
                if p[k] and (p[k] > stamp or R.get('flush_whole')): val = put(val, k, origin(p[k], s))
            yield dict(row=(S, stored(S, val, R))), (kind, 0, 2, p), f'commit {S} {val}'
        else: yield {}, (kind, 0, 2, p), 'superseded'
    elif pc == 2:
        empties = R.get('triggers') and not R.get('a_flush_spares_what_a_trigger_changes')
        yield dict(slot=s['slot'] if R.get('flush_without_settle') else None if empties else settle(s['slot'], S, R)), (kind, 0, 3, p), 'settle'
    elif pc == 3:
        if True:  # no owner check: a late acknowledgement only removes what it flushed
            kept = 0 if R.get('ack_drops_what_is_flagged') else s['refused']
            left = NONE if R.get('blind_ack') else tuple(0 if v and v <= S and v != kept else v for v in s['pending'])
            refused = s['refused'] if left[1] == s['refused'] else 0
            yield dict(pending=left, refused=refused, claim='list' if any(unflagged(left, refused)) else 'dead' if any(left) else None), (kind, 0, 0, NONE), f'ack {S}, left {left}'


    elif pc == 4:
        ch = flag(s, p[1])
        left = unflagged(s['pending'], ch.get('refused', s['refused']))
        if R.get('a_flag_owes_nothing'): ch.pop('owed', 0)
        yield dict(ch, claim='list' if any(left) else 'dead' if any(s['pending']) else None), (kind, 0, 0, NONE), f'bury {p[1]}, left {left}'


def save(x, s, i, R):
    """M, S and E: (load), stamp, UPDATE under the row's lock, COMMIT or ROLLBACK, finish, supersede, acknowledge. No mark.

    `inst` is what the instance was loaded with: a value, and for E's mutant the stamp that it came with."""
    kind, f, pc, S, seen, inst, tried = x
    g = 1 - f
    def at(pc, S=S, seen=seen, inst=inst, tried=tried): return (kind, f, pc, S, seen, inst, tried)
    if pc == 0:
        if not s['alive']: yield {}, at('done'), 'no such row'
        elif kind == 'M': yield {}, at(1), 'loaded'
        else:
            slot = s['slot']
            if slot and slot[0] == 'V' and readable(slot, s, R): yield {}, at(1, inst=slot[1:3]), f'loaded from the cache {slot}'
            yield {}, at(1, inst=s['row']), f'loaded from the table {s["row"]}'
    elif pc == 1:
        if R.get('a_rolled_back_save_counts_as_loaded') and tried: yield dict(clock=s['clock'] + 1), at(6, S=s['clock'] + 1), 'nothing differs: nothing is written'
        else: yield dict(clock=s['clock'] + 1, owed=s['owed'] | {i}), at(2, S=s['clock'] + 1, seen=s['pending'] + (s['refused'],)), f'stamp {s["clock"] + 1}, pending {s["pending"]}, refused {s["refused"]}'
    elif pc == 2:
        if s['lock'] is not None: return
        stamp, val = s['row']
        if not s['alive']:
            yield dict(owed=s['owed'] - {i}), at('done'), 'the row is gone'
            return
        if stamp >= S and not R.get('a_save_below_a_newer_row'):
            yield {}, at(1), 'superseded: new stamp'
            return
        if kind == 'E':
            now = overlay(s['row'], NONE if R.get('refused_without_what_waits') else seen, R, seen[2], s['again'])[1]
            same = stamp <= inst[0] if R.get('refused_by_what_it_was_loaded_with_alone') else now == inst[1]
            if not same:
                false = overlay(s['row'], s['pending'], R, s['refused'], s['again'])[1] == inst[1] == now
                yield dict(owed=s['owed'] - {i}), at('done'), f'refused: row {s["row"]}' + ('  FALSE REFUSAL' if false else '')
                return
            if any(inst[1][k] < s['acked'][k] < S for k in (0, 1)):
                yield {}, at('done'), f'not refused: row {s["row"]}  FALSE PASS'
                return
        if is_refused(seen, stamp, f, R):
            yield {}, at(7), f'the source refuses what waits for field 1, {seen[1]}'
            return
        if not R.get('a_save_carries_nothing') and unflagged(seen, seen[2])[g] > stamp and not (g == 1 and R.get('refuses')): val = put(val, g, origin(seen[g], s))
        if tried and tried is not True and R.get('what_was_carried_counts_as_changed'): val = put(val, g, tried)
        if kind == 'S' and R.get('a_whole_save_writes_all_that_it_shows'): val = put(val, g, inst[1][g])
        yield dict(lock=i), at(3, inst=(inst, stored(S, put(val, f, S), R))), f'UPDATE {S}, not committed'
    elif pc == 3:
        yield dict(row=(S, inst[1]), lock=None), at(4), f'COMMIT {S} {inst[1]}'
        if not tried: yield dict(lock=None), at(1, inst=inst[0], tried=seen[g] if kind == 'S' and R.get('what_was_carried_counts_as_changed') and seen[g] else True), 'ROLLBACK, and again'
    elif pc == 4: yield dict(slot=None), at(5), 'finish'
    elif pc == 5:
        ch, again = settle_up(s, S, f == 1)
        if again and not R.get('a_flag_goes_without_the_slot'): yield ch, at(4), 'supersede, a flagged field too'
        else: yield dict(ch, owed=s['owed'] - {i}), at(6), 'supersede'
    elif pc == 7: yield flag(s, seen[1]), at(1), f'flag {seen[1]}'
    elif pc == 6: yield dict(acked=put(s['acked'], f, max(s['acked'][f], S))), at('done'), f'ACK {S} field {f}'


def bulk(x, s, i, R):
    """Q: lock the row, stamp, UPDATE with what waits for the other field, COMMIT or ROLLBACK, finish, supersede, acknowledge. No mark.

    What the source refuses of what waits is flagged while the row is locked, and the UPDATE is sent without it."""
    kind, f, pc, S, seen, new, tried = x
    g = 1 - f
    def at(pc, S=S, seen=seen, new=new, tried=tried): return (kind, f, pc, S, seen, new, tried)
    lock, stamp = (1, 0) if R.get('a_bulk_update_stamps_before_its_lock') else (0, 1)
    if pc == lock:
        if s['lock'] is not None: return
        if not s['alive']: yield dict(owed=s['owed'] - {i}), at('done'), 'finds no row'
        else: yield dict(lock=i), at(pc + 1), f'lock {s["row"]}'
    elif pc == stamp:
        yield dict(clock=s['clock'] + 1, owed=s['owed'] | {i}), at(pc + 1, S=s['clock'] + 1, seen=s['pending'] + (s['refused'],)), f'stamp {s["clock"] + 1}, pending {s["pending"]}, refused {s["refused"]}'
    elif pc == 2:
        at_row, val = s['row']
        if is_refused(seen, at_row, f, R):
            yield flag(s, seen[1]), at(2, seen=seen[:2] + (seen[1],)), f'the source refuses what waits for field 1: flag {seen[1]}'
            return
        carries = unflagged(seen, seen[2])[g] > at_row and not (g == 1 and R.get('refuses')) and not R.get('a_bulk_update_carries_nothing')
        yield {}, at(3, new=stored(S, put(put(val, g, origin(seen[g], s)) if carries else val, f, S), R)), f'UPDATE {S}, not committed'
    elif pc == 3:
        yield dict(row=(S, new), lock=None), at(4), f'COMMIT {S} {new}'
        if not tried: yield dict(lock=None), at(0, tried=True), 'ROLLBACK, and again'
    elif pc == 4: yield dict(slot=s['slot'] if R.get('a_bulk_update_leaves_the_slots') else None), at(5), 'finish'
    elif pc == 5:
        ch, again = settle_up(s, S, f == 1 or bool(R.get('a_bulk_update_drops_what_is_flagged')))
        if again and not R.get('a_flag_goes_without_the_slot'): yield ch, at(4), 'supersede, a flagged field too'
        else: yield dict(ch, owed=s['owed'] - {i}), at(6), 'supersede'
    elif pc == 6: yield dict(acked=put(s['acked'], f, max(s['acked'][f], S))), at('done'), f'ACK {S} field {f}'


def janitor(x, s, i, R):
    for w in sorted(s['owed']):
        if R['_dead'](w): yield dict(slot=None, owed=s['owed'] - {w}), ('J', 0, 0), f'empty the slot for dead writer {w}'


def collapse(x, s, i, R):
    """O: of one row, that all slots are owed is the same as that this slot is."""
    late = {w for w in s['owed'] if R['_dead'](w)}
    if late: yield dict(owed=s['owed'] - late | (set() if R.get('a_collapse_owes_nothing') else {CACHE})), ('O', 0, 'done'), 'too much is owed: all slots are'


def delete_version(x, s, i, R):
    kind, f, pc = x
    if s['version'] is None and pc < 3: yield {}, (kind, f, 'done'), 'it is out already'
    elif pc == 0: yield dict(version=('retiring', s['version'][1])), (kind, f, 1), 'retire the version'
    elif pc == 1: yield dict(slot=None), (kind, f, 2), 'sweep'
    elif pc == 2: yield dict(version=None), (kind, f, 3), 'the version is out of the set'
    elif pc == 3:
        if s['version'] is None and not s['closed'][0]: yield dict(version=('live', 1)), (kind, f, 'done'), 'it is announced anew'
        yield {}, (kind, f, 'done'), 'it stays out'


def switch_off(x, s, i, R):
    """N: may be killed anywhere, run again by somebody else, and overtaken by who switches on."""
    kind, f, pc, run = x
    if pc == 0:
        closed = s['closed'] if s['closed'][0] else (1, s['closed'][1] + 1)
        yield dict(closed=closed), (kind, f, 1, closed[1]), f'note {closed}'
    elif pc == 1:
        waits = any(unflagged(s['pending'], s['refused'])) or s['claim'] not in (None, 'dead')
        if not waits or R.get('a_switch_does_not_drain'): yield {}, (kind, f, 3 if R.get('a_switch_forgets_before_it_sweeps') else 2, run), 'drained'
    elif pc == 2: yield dict(slot=None), (kind, f, 4 if R.get('a_switch_forgets_before_it_sweeps') else 3, run), 'sweep'
    elif pc == 3 and any(s['pending']) and not R.get('a_switch_does_not_drain') and not R.get('a_closed_queue_takes_writes') and not R.get('a_switch_ends_above_a_dead_letter'): yield {}, (kind, f, 1, run), 'something waits (again)'
    elif pc == 3:
        ours = s['closed'] == (1, run) or R.get('a_switch_ends_whatever_stands_there')
        yield dict(version=None, closed=(2, s['closed'][1])) if ours else {}, (kind, f, 2 if R.get('a_switch_forgets_before_it_sweeps') else 'done', run), 'off: no version is in the set' if ours else 'switched on meanwhile'
    elif pc == 4: yield {}, (kind, f, 'done', run), 'off'


def switch_on(x, s, i, R):
    kind, f, pc, run = x
    if pc == 0:
        if s['closed'][0]: yield {}, (kind, f, 2 if R.get('a_switch_on_keeps_the_slots') else 1, s['closed'][1]), 'is off'
    elif pc == 1: yield dict(slot=None), (kind, f, 2, run), 'sweep'
    elif pc == 2:
        if s['closed'][0] and s['closed'][1] == run: yield dict(closed=(0, run)), (kind, f, 3, run), 'remove the note'
        else: yield {}, (kind, f, 'done', run), 'somebody has switched meanwhile'
    elif pc == 3:
        if s['version'] is None and not s['closed'][0]: yield dict(version=('live', 10 + run)), (kind, f, 'done', run), 'the version is announced anew'
        yield {}, (kind, f, 'done', run), 'it stays as it is'


def direct(x, s, i, R):
    kind, f, pc, S = x
    if pc == 0 and s['closed'][0] == 2 and s['alive'] and s['lock'] is None:
        S = s['clock'] + 1
        yield dict(clock=S, row=(S, put(s['row'][1], f, S))), (kind, f, 1, S), f'UPDATE {S}, past all servers'
    elif pc == 1: yield dict(acked=put(s['acked'], f, max(s['acked'][f], S))), (kind, f, 'done', 0), f'ACK {S} field {f}'


def retry(x, s, i, R):
    """T: what is flagged waits again, at a stamp of its own, and only while no writer of the row is under way."""
    if s['refused'] and (not s['owed'] - {CACHE} or R.get('a_retry_while_a_writer_is_under_way')):
        S = s['refused'] if R.get('a_retry_keeps_its_stamp') else s['clock'] + 1
        yield dict(clock=max(S, s['clock']), pending=put(s['pending'], 1, S), refused=0, again=(S, s['refused']), claim='list' if s['claim'] == 'dead' else s['claim']), ('T', 0, 'done'), f'retry at {S}'


def discard(x, s, i, R):
    """Y: what is flagged is given up, and the slot that may show it is owed."""
    if x[2] == 0 and s['refused'] and s['acked'][1] >= origin(s['refused'], s):
        ch = dict(pending=put(s['pending'], 1, 0), refused=0, owed=s['owed'] | {i}, acked=put(s['acked'], 1, min(s['acked'][1], s['row'][1][1])))
        if s['claim'] == 'dead': ch['claim'] = None
        yield ch, ('Y', 0, 1), 'discard'
    elif x[2] == 1: yield dict(slot=s['slot'] if R.get('a_discard_spares_the_slot') else None, owed=s['owed'] - {i}), ('Y', 0, 'done'), 'empty the slot'


def promote(x, s, i, R):
    """P: the replica has the slot as it was at one moment; what came later is lost with the old primary."""
    kind, f, pc, copy = x
    if pc == 0: yield {}, (kind, f, 1, s['slot']), f'the replica has {s["slot"]}'
    else: yield dict(slot=copy, server=s['server'] + 1), (kind, f, 'done', None), f'FAILOVER: the slot is {copy}'


def start(name):
    k, f = name[0], int(name[1]) if len(name) > 1 else 0
    return {'N': (k, 0, 0, 0), 'I': (k, 0, 0, 0), 'A': (k, f, 0, 0), 'R': (k, 0, 0, 0, False, 0, 0), 'L': (k, 0, 0, 0, False, 0, 0), 'F': (k, 0, 0, NONE), 'G': (k, 0, 0, NONE), 'J': (k, 0, 0), 'O': (k, 0, 0), 'Z': (k, 0, 0), 'P': (k, 0, 0, None), 'T': (k, 0, 0), 'Y': (k, 0, 0), 'K': (k, f, 0, 0, None), 'H': (k, f, 0, 0, None), 'M': (k, f, 0, 0, NONE, None, False), 'S': (k, f, 0, 0, NONE, None, False), 'E': (k, f, 0, 0, NONE, None, False), 'Q': (k, f, 0, 0, NONE, None, False), 'B': (k, f, 0, 0, 0, None)}.get(k) or (k, f, 0, 0, None, NONE, None)


def successors(state, R):
    g, actors = state
    s = dict(zip(KEYS, g))

    def to(changes, i=None, x=None):
        d = dict(s, **changes)
        return tuple(d[k] for k in KEYS), (actors if i is None else actors[:i] + (x,) + actors[i + 1:])
    slot = s['slot']
    if slot and s['evicts']: yield to(dict(slot=None, evicts=s['evicts'] - 1)), f'EVICT {slot}'
    if R.get('comes_back') and s['closed'][0] == 2 and slot is None and s['evicts']: yield to(dict(slot=('V', 0, ZERO, s['server']), evicts=0)), 'THE CACHE COMES BACK OLD'
    if slot and slot[0] in 'TL' and actors[slot[1]][2] in ('dead', 'done'): yield to(dict(slot=None)), f'EXPIRE {slot}'
    for i, x in enumerate(actors):
        k, pc = x[0], x[2]
        if pc in ('done', 'dead'): continue
        if s['kills'] and pc != 0 and k != 'P': yield to(dict(kills=s['kills'] - 1, lock=None if s['lock'] == i else s['lock']), i, start(k) if k in 'FG' else start(k + str(x[1]))[:2] + ('dead',) + start(k)[3:]), f'KILL {k}{x[1]}'
        steps = dict(N=switch_off, I=switch_on, A=direct, L=read, B=write_behind, R=read, F=flush, G=flush, J=janitor, O=collapse, Z=delete_version, P=promote, T=retry, Y=discard, K=create, H=create, M=save, S=save, E=save, Q=bulk).get(k, write)(x, s, i, dict(R, _dead=lambda w: w == CACHE or actors[w][2] == 'dead'))
        for changes, nx, label in steps:
            if nx[2] == 'done': nx = start(k + str(x[1]))[:2] + ('done',) + start(k)[3:]  # forget locals: fewer states
            yield to(changes, i, nx), f'{k}{x[1] if k in "WCUXBMSEQA" else ""}[{i}] {label}'


def broken(state, label, R, at_rest):
    s = dict(zip(KEYS, state[0]))
    if any(sign in label for sign in SIGNS): return label
    if any(s['pending']) and s['claim'] is None: return f'{label}  LOST: pending {s["pending"]} is in no list and no claim'
    waits = unflagged(s['pending'], s['refused'])
    if any(waits) and s['claim'] == 'dead': return f'{label}  LOST: pending {waits} is a dead letter and not flagged'
    resting = all(x[2] in ('done', 'dead') or (x[0] in 'FGJTO' and x[2] == 0) for x in state[1]) and not any(waits)
    shown = overlay(s['row'], s['pending'], R, s['refused'], s['again'])[1]
    if any(x[0] == 'J' for x in state[1]) and any(w == CACHE or state[1][w][2] == 'dead' for w in s['owed']): resting = False
    if resting and s['alive'] and any(shown[k] < s['acked'][k] for k in (0, 1)): return f'{label}  LOST: acknowledged {s["acked"]}, source {s["row"]}'
    if resting and s['deleted'] and s['alive']: return f'{label}  LOST: the delete'
    if at_rest and resting and s['slot'] and s['slot'][0] in 'VN' and readable(s['slot'], s, R):
        v = None if s['slot'][0] == 'N' else s['slot'][2]
        if (v is None) == (s['alive'] and not hidden(shown, R)) or (v is not None and v != shown): return f'{label}  DRIFT: cached {v}, source {s["row"] if s["alive"] else "none"}'


def check(actors, evicts=1, kills=1, flushes=3, at_rest=False, alive=True, cap=5_000_000, **R):
    """Breadth-first search of every interleaving; returns (states, None | 'CAP' | trace)."""
    init = ((('V', 0, ZERO, 0) if alive else ('N', -1, None, 0), 0, NONE, None, (0, ZERO), alive, False, ZERO, False, frozenset(), evicts, kills, flushes, None, LIVE, 0, NONE, (0, 0), 0), tuple(start(a) for a in actors.split()))
    return search(init, lambda state: successors(state, R), lambda state, label: broken(state, label, R, at_rest), cap, SIGNS)


if __name__ == '__main__':
    deep = '--deep' in sys.argv
    ok = True
    print('no stale read after an acknowledgement, nothing acknowledged lost (2 evictions, 1 kill)')
    for a in ('W0 R R', 'C0 R R', 'B0 F R', 'B0 B1 R', 'B0 B1 F', 'W0 W1 R', 'W0 C1 R', 'C0 C1 R', 'X0 R R', 'W0 X1 R', 'D R', 'D D R', 'W0 B1 R', 'C0 B1 R', 'W0 B0 R', 'X0 B1 R', 'W0 D R',
              'D B0 R', 'B0 B1 G R', 'W0 J R R', 'W0 W1 J R', 'U0 R R', 'U0 W1 R', 'U0 B1 R', 'U0 U1 R') + \
             (('B0 B1 F R', 'W0 B1 F R', 'C0 B1 F R', 'W0 B0 F R', 'D B0 F R', 'B0 F F R', 'B0 B1 F F', 'X0 B1 F R', 'W0 W1 R R', 'W0 B1 B0 F', 'W0 C1 B0 R', 'W0 B1 G R', 'D D B0 R', 'W0 B1 F J R', 'U0 B1 F R', 'U0 W1 B0 R') if deep else ()):
        ok &= show(check, a, a, evicts=2)
    for a in ('K R R', 'K R W0', 'K R C1 R', 'K B0 F R'): ok &= show(check, f'{a}, the row does not exist yet', a, evicts=2, alive=False)
    print('the version of the slot is deleted, and announced anew (1 eviction, 1 kill)')
    for a in ('W0 U1 Z R', 'C0 U1 Z R', 'B0 U1 Z R', 'U0 Z R R'): ok &= show(check, a, a, evicts=1)
    for a in ('K U1 Z R', 'K R Z R', 'H R Z R'): ok &= show(check, f'{a}, the row does not exist yet', a, evicts=1, alive=False)
    print('saves: named fields (M), whole and merged (S), whole or refused (E); 1 eviction, 1 kill, each rolled back once')
    for a in ('M0 B1 R', 'M0 W1 R', 'M0 M1 R', 'M0 B0 R', 'M0 D R', 'S0 B1 R', 'S0 W1 R', 'S0 B1 F', 'S0 S1 R', 'S0 D R', 'E0 W1 B0', 'E0 B1 F', 'E0 E1 R', 'E0 C1 B0') + \
             (('M0 B1 F R', 'M0 B0 B1 F', 'S0 B1 F R', 'S0 B1 W1', 'S0 B1 B0 F', 'S0 M1 R R', 'S0 U1 B1', 'E0 W1 B0 F', 'E0 U1 B0 F', 'E1 W0 B1 F', 'E0 B1 F R') if deep else ()):
        ok &= show(check, a, a, evicts=1)
    for a in ('M0 B1 J R', 'S0 B1 J R', 'S0 W1 J', 'E0 B1 J R'): ok &= show(check, f'{a}, at rest', a, evicts=1, at_rest=True)
    print('bulk updates (Q); 1 eviction, 1 kill, each rolled back once')
    for a in ('Q0 B1 R', 'Q0 W1 R', 'Q0 B0 R', 'Q0 Q1 R', 'Q0 M1 R', 'Q0 S1 B0', 'Q0 D R', 'Q0 C1 B1', 'Q0 B1 F') + (('Q0 B1 F R', 'Q0 W1 B0 F', 'Q0 E1 B1 R', 'Q0 B0 B1 F', 'Q0 U1 B1 R') if deep else ()):
        ok &= show(check, a, a, evicts=1)
    for a in ('Q0 B1 J R', 'Q0 W1 J R'): ok &= show(check, f'{a}, at rest', a, evicts=1, at_rest=True)
    print('what waits for field 1 is refused and flagged, retried (T) and discarded (Y); 1 eviction')
    for a in ('B1 W0 R', 'B1 G W0 R', 'B1 G C1 R', 'B1 M0 R', 'B1 G M1 R', 'B1 E0 R', 'B1 B1 W0', 'B1 W0 W1 T', 'B1 G B0 F T', 'B1 G Y R', 'B1 Q0 R', 'B1 G Q0 R', 'B1 G Q1 R', 'B1 Q0 T') + \
             (('B1 G C1 R R', 'B1 W0 C0 R', 'B1 B0 W0 G', 'B1 B1 W0 G', 'B1 E0 C0 G', 'B1 S0 W1 G', 'B1 W0 D R', 'B1 W0 B0 R', 'B1 W0 G T R', 'B1 G U1 T R', 'B1 G B1 W0 T', 'B1 G Y W0 R') if deep else ()):
        ok &= show(check, a, a, evicts=1, kills=0, refuses=True)
    for a in ('B1 G W1 R J', 'B1 W0 T J', 'B1 G Y J'): ok &= show(check, f'{a}, at rest after a kill', a, evicts=0, at_rest=True, refuses=True)
    print('a manager hides rows by field 1, which goes write-through; 1 eviction, 1 kill')
    for a in ('W1 R R', 'C1 W1 R', 'M1 R R', 'M1 W0 R', 'W1 B0 R', 'M1 B0 R', 'Q1 B0 R', 'Q1 W1 R', 'W1 D R', 'U1 W0 R', 'M1 M1 R', 'S1 B0 R', 'W1 B0 F') + (('M1 B0 F R', 'W1 W1 B0 R', 'M1 W1 B0 R', 'Q1 C0 B0 R', 'M1 M1 R R', 'E1 B0 F R') if deep else ()):
        ok &= show(check, a, a, evicts=1, manager=True)
    for a in ('K R M1', 'K R W1'): ok &= show(check, f'{a}, the row does not exist yet', a, evicts=1, alive=False, manager=True)
    for a in ('W1 R J', 'M1 B0 J', 'W1 W1 R J', 'M1 W0 R J'): ok &= show(check, f'{a}, at rest', a, evicts=1, at_rest=True, manager=True)
    print('the same, and another release without a manager lets field 1 wait (B1)')
    for a in ('B1 R R', 'B1 B0 R', 'B1 W0 R', 'B1 W1 R', 'B1 F R', 'B1 M1 R', 'B1 Q0 R', 'B1 B1 R') + (('B1 B0 F R', 'B1 W0 F R', 'B1 B1 F R', 'B1 M0 B0 R') if deep else ()):
        ok &= show(check, a, a, evicts=1, manager=True)
    print('a trigger changes field 1 in each write, at rest; 1 eviction, 1 kill')
    for a in ('W0 R J', 'C0 R J', 'B0 F R J', 'B1 F R J', 'B0 B0 F J', 'M0 B0 F J', 'W0 B0 F J', 'C0 B0 F J', 'D B0 F J', 'U0 B0 F J', 'Q0 B0 F J', 'W0 W1 J') + (('B0 B1 F R J', 'B0 F R R J', 'W0 B0 F R J', 'M0 B0 F R J', 'B0 F F R J', 'S0 B0 F R J', 'B0 F P R J') if deep else ()):
        ok &= show(check, a, a, evicts=1, at_rest=True, triggers=True)
    ok &= show(check, 'K R W0, the row does not exist yet', 'K R W0', evicts=1, kills=0, at_rest=True, alive=False, triggers=True)
    print('no drift at rest (1 eviction, no kill)')
    for a in ('W0 B1 F R', 'C0 B1 F R', 'B0 B1 F R', 'D B0 F R', 'W0 D R', 'X0 B1 F R', 'W0 W1 R', 'W0 X1 R', 'W0 C1 R', 'U0 W1 R'): ok &= show(check, a, a, kills=0, at_rest=True)
    print('no drift at rest, one kill anywhere, once the janitor has passed (1 eviction)')
    for a in ('W0 R R J', 'C0 R R J', 'B0 F R R J', 'B0 B1 F R J', 'D R R J', 'W0 B1 F R J', 'C0 B1 F J', 'W0 W1 R J', 'D B0 F R J', 'U0 W1 R J'): ok &= show(check, a, a, evicts=1, at_rest=True)
    print('too much is owed (O), one kill anywhere, at rest once the janitor has passed (1 eviction)')
    for a in ('W0 R O J', 'C0 R O J', 'B0 F R O J', 'D R O J', 'W0 W1 O J', 'U0 W1 O J', 'U0 R O J') + (('W0 B1 F O J', 'B0 B1 F O J', 'W0 R R O J') if deep else ()): ok &= show(check, a, a, evicts=1, at_rest=True)
    for a in ('B1 W0 T O J', 'B1 G W1 T O'): ok &= show(check, f'{a}, one field refused', a, evicts=0, refuses=True)
    print('the cache fails over to a replica that lacks the last steps (P); 1 eviction, 1 kill')
    for a in ('W0 R P R', 'C0 R P R', 'D R P R', 'B0 F P R', 'B0 B1 P R', 'W0 W1 P R', 'W0 C1 P R', 'W0 B1 P R', 'C0 B1 P R', 'X0 C1 P R', 'U0 R P R', 'M0 R P R', 'Q0 R P R', 'C0 P P R') + \
             (('S0 W1 P R', 'W0 R R P R', 'W0 B1 P R R', 'B0 B1 F P R', 'W0 W1 P P R', 'W0 B1 F P R', 'E0 W1 P R') if deep else ()):
        ok &= show(check, a, a, evicts=1)
    ok &= show(check, 'K R P R, the row does not exist yet', 'K R P R', evicts=1, alive=False)
    for a in ('W0 R P J', 'C0 W1 P J', 'B0 F P J'): ok &= show(check, f'{a}, at rest', a, evicts=0, at_rest=True)
    print('an operator switches off (N) and on (I), and processes without a cache write meanwhile (A); 1 kill')
    for a in ('N W0 R I', 'N A0 R I', 'N I A0 R R', 'N B0 F A1 R', 'N B0 F I R', 'N C0 A1 R I', 'N U0 R I', 'N L W0 I', 'N V R I', 'N D A0 R', 'N M0 A1 R', 'N S0 A1 R I', 'N Q0 A1 R', 'N N I A0 R', 'N I I A0 R', 'N N I W0 R', 'N Z W0 R', 'N Z I R') + \
             (('N B0 F A1 R I', 'N N I A0 W1 R', 'N W0 A1 R R I', 'N B0 B1 F A0 R', 'N U0 B1 F R I', 'N E0 A1 R I', 'N X0 A1 R I', 'N N I I A0 R', 'N L B0 F I R') if deep else ()):
        ok &= show(check, a, a, evicts=1)
    for a in ('N K R I', 'N H R I', 'N K A0 R'): ok &= show(check, f'{a}, the row does not exist yet', a, evicts=1, alive=False)
    for a in ('N A0 I R', 'N A0 W1 I R'): ok &= show(check, f'{a}, the cache comes back old while it is off', a, evicts=1, comes_back=True)
    for a in ('B1 G N A1 R', 'B1 G T F N A0'): ok &= show(check, f'{a}, one field refused', a, evicts=1, kills=0, refuses=True)
    for a in ('N W0 R J', 'N A0 R I J', 'N B0 F A1 J'): ok &= show(check, f'{a}, at rest', a, evicts=0, at_rest=True)
    print('mutants: each must fail')
    for a, m in (('B0 B1 F R', 'publish_over_nil'), ('B0 B1 F R', 'publish_over_any'), ('B0 B1 R', 'publish_own_only'), ('W0 B1 R', 'publish_spares_mark'),
                 ('W0 C1 R', 'finish_over_nil'), ('W0 B1 R R', 'finish_spares_newer'), ('W0 R R', 'settle_spares_lease'), ('C0 R R', 'settle_spares_lease'), ('W0 C1 R', 'settle_spares_mark'),
                 ('W0 W1 R', 'a_write_that_fills_without_a_mark'),
                 ('B0 B1 F R', 'blind_ack'), ('B0 F R R', 'source_first'), ('W0 B0 R', 'pending_beats_row'), ('W0 B1 R', 'a_late_mark_lies_over_any_value'), ('W0 B1 R', 'a_late_mark_is_trusted'),
                 ('W0 B1 F', 'ignore_pending'), ('W0 B0 B1 F', 'flush_whole')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=2, **dict({m: True}, **({'no_supersede': True} if m == 'pending_beats_row' else {})))
    for a, m in (('M0 B1', 'a_save_carries_nothing'), ('S0 W1', 'a_whole_save_writes_all_that_it_shows'), ('M0 W1 B0 F', 'a_save_below_a_newer_row'), ('S0', 'a_rolled_back_save_counts_as_loaded'), ('S0 B1 W1', 'what_was_carried_counts_as_changed'),
                 ('E0 W1 B0', 'refused_by_what_it_was_loaded_with_alone'), ('E0 B1', 'refused_without_what_waits')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=1, kills=0, **{m: True})
    for a, m in (('Q0 B1', 'a_bulk_update_carries_nothing'), ('Q0 W0 B1 F', 'a_bulk_update_stamps_before_its_lock'), ('Q0 R', 'a_bulk_update_leaves_the_slots')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=1, kills=0, **{m: True})
    ok &= show(check, 'a_create_trusts_its_stamp: K U1 Z R', 'K U1 Z R', must_fail=True, evicts=0, kills=0, alive=False, a_create_trusts_its_stamp=True)
    ok &= show(check, 'a_create_trusts_its_last_look: K U1 Z R', 'K U1 Z R', must_fail=True, evicts=0, kills=0, alive=False, a_create_trusts_its_last_look=True)
    ok &= show(check, 'a_late_mark_asks_for_no_version: W0 U1 Z R', 'W0 U1 Z R', must_fail=True, evicts=0, kills=0, a_late_mark_asks_for_no_version=True)
    ok &= show(check, 'a_read_fills_any_version: R U1 Z R', 'R U1 Z R', must_fail=True, evicts=1, kills=0, a_read_fills_any_version=True)
    for a, m in (('B1 W0 R', 'what_is_refused_is_left_unflagged'), ('B1 W0 R', 'a_reader_does_not_ask_again'), ('B1 G T W0', 'a_retry_keeps_its_stamp'), ('B1 G W1 T', 'a_retry_while_a_writer_is_under_way'),
                 ('B1 G C1 R R', 'a_flag_goes_without_the_slot'), ('B1 G W0 R', 'a_writer_shows_its_row_alone'), ('B1 B0 G', 'ack_drops_what_is_flagged'), ('B1 G Y', 'a_discard_spares_the_slot'), ('B1 G Q0 R', 'a_bulk_update_drops_what_is_flagged'), ('B1 W1 G R J', 'a_flag_owes_nothing')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=m != 'a_flag_goes_without_the_slot', kills=m == 'a_flag_owes_nothing', refuses=True, at_rest=m in ('a_discard_spares_the_slot', 'a_flag_owes_nothing'), **{m: True})
    for a, m in (('M1 R', 'a_reader_finds_hidden_rows'), ('W1 R', 'a_write_that_hides_fills'), ('K R', 'a_write_that_hides_fills'), ('B1 R', 'what_hides_waits'), ('B1 R', 'a_reader_decides_by_the_row_alone'), ('B1 B0 R', 'what_is_published_may_be_hidden')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=1, kills=0, alive=a[0] != 'K', manager=True, **{m: True})
    for a, m in (('W0', 'a_write_fills_what_a_trigger_changes'), ('K', 'a_write_fills_what_a_trigger_changes'), ('B0 F', 'a_flush_spares_what_a_trigger_changes')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=0, kills=0, at_rest=True, alive=a != 'K', triggers=True, **{m: True})
    ok &= show(check, 'a_collapse_owes_nothing: U0 O J', 'U0 O J', must_fail=True, evicts=0, at_rest=True, a_collapse_owes_nothing=True)
    for a, m in (('C0 P R', 'a_slot_of_another_server_is_read'), ('C0 W1 P R', 'a_mark_shows_what_another_server_left'), ('R C0 P R', 'a_fill_is_of_the_server_of_now'),
                 ('W0 B1 P R', 'a_late_mark_lies_over_another_servers_value'), ('W0 W1 P R', 'a_finish_is_of_the_server_of_now'), ('B0 W1 P R', 'a_publish_is_of_the_server_of_now')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=a[0] == 'R', kills=0, **{m: True})
    for a, m in (('N A0 R R', 'a_closed_queue_says_what_is_announced'), ('N U0 R', 'a_switch_forgets_before_it_sweeps'), ('N B0 F A1 R', 'a_switch_does_not_drain'), ('N B0 F A1 R', 'a_closed_queue_takes_writes'),
                 ('N N I A0 R R', 'a_switch_ends_whatever_stands_there'), ('N A0 I R', 'a_switch_on_keeps_the_slots')):
        ok &= show(check, f'{m}: {a}', a, must_fail=True, evicts=1, kills=0, comes_back=m == 'a_switch_on_keeps_the_slots', **{m: True})
    ok &= show(check, 'a_switch_ends_above_a_dead_letter: B1 G N A1 R', 'B1 G N A1 R', must_fail=True, evicts=1, kills=0, refuses=True, a_switch_ends_above_a_dead_letter=True)
    ok &= show(check, 'create_without_mark: K C1 R', 'K C1 R', must_fail=True, evicts=2, alive=False, create_without_mark=True)
    ok &= show(check, 'flush_without_settle: B0 F R (drift)', 'B0 F R', must_fail=True, evicts=0, at_rest=True, flush_without_settle=True)
    ok &= show(check, 'no janitor: W0 B1 F R (drift after a kill)', 'W0 B1 F R', must_fail=True, evicts=0, at_rest=True)
    sys.exit(not ok)
