"""The near cache (docs/protocol.md), checked exhaustively as in protocol_model.py: one row, one process with a copy of it.

A row has the index of its last write for a value. The slot is the cache's, the copy is the process's own. The server
sends what has changed over the process's tracking connection, in order, and a PONG behind what came before its PING.
Between any two steps any actor may run, be killed, see the slot evicted, or the connection cut. -v prints the trace of
each violation, --deep adds the slow combinations.

Actors:
  W a write elsewhere: mark, commit, finish, acknowledge,
  B write-behind elsewhere: base, enqueue, publish over the base and over nothing else, acknowledge,
  O a write of the process itself, as W, which evicts the copy and raises the key's generation at the end,
  S the same by save(), which puts no mark,
  R a read of the process: its copy, else GET and perhaps a new copy,
  F FLUSHDB.
The listener of the process runs by itself: it sends PINGs, takes what comes, and connects anew after a cut.
Time is in TICKs of `near`: what was acknowledged before a TICK must be shown by reads that begin after it, and what the
process has written itself by reads that begin after that. A PONG is fresh until the TICK after its PING was sent. A
mark may lapse: then it is gone for whoever asks, and the server says so only when somebody does; what was committed
under it must be shown from the next TICK on, for its writer counts as dead.
State:
  slot     None | ('V', n) | ('T', who, n) a mark, the old value inside | ('-', n) a mark that has lapsed
  row      n;  acked: the newest that was acknowledged elsewhere;  due: that before the last TICK;  own: by the process
  copy     None | n, in `feed`;  gen: generation of the key;  feed: which connection, 0 while there is none
  stream   what the server has sent: 'key' | 'all' | ('pong', tick);  pinged: tick of a PING that is on its way
  now      TICKs;  confirmed: tick of the PING whose PONG was the last to come
"""
import sys

from tests.model_search import search, show, stale

KEYS = ('slot', 'row', 'acked', 'due', 'own', 'copy', 'gen', 'feed', 'feeds', 'stream', 'pinged', 'now', 'confirmed', 'evicts', 'kills', 'cuts', 'ticks', 'lapses')


def changed(s, ch, what='key'):
    """The slot changes: the server says so to whoever tracks it, unless it has just said the same."""
    stream = s['stream']
    return dict(ch, stream=stream + (what,) if s['feed'] and stream[-1:] != (what,) else stream)


def read(slot):
    return None if slot is None or slot[0] == '-' else slot[-1]


def write(x, s, i, R):
    kind, pc, n = x
    if pc == 0 and kind == 'S': pc = 1
    if pc == 0: yield changed(s, dict(slot=('T', i, read(s['slot'])) if read(s['slot']) is not None else ('T', i, None))), (kind, 1, 0), 'mark'
    elif pc == 1: yield dict(row=s['row'] + 1), (kind, 2, s['row'] + 1), f'commit {s["row"] + 1}'
    elif pc == 2 and kind in 'OS' and R.get('an_own_write_evicts_before_its_finish'): yield dict(copy=None, gen=s['gen'] + 1), (kind, 'late', n), 'evicted'
    elif pc in (2, 'late'): yield (changed(s, dict(slot=None)) if s['slot'] is not None else {}), (kind, 3 if kind in 'OS' and pc == 2 else 4, n), 'finish'
    elif pc == 3:
        copy = s['copy'] if R.get('an_own_write_keeps_the_copy') else None
        gen = s['gen'] if R.get('an_own_write_keeps_the_generation') else s['gen'] + 1
        yield dict(copy=copy, gen=gen), (kind, 4, n), 'own copy evicted'
    elif pc == 4: yield (dict(own=max(s['own'], n)) if kind in 'OS' else dict(acked=max(s['acked'], n))), (kind, 'done', 0), f'ACK {n}'


def behind(x, s, i, R):
    """The queue is the row here: what waits is laid over it, and the model of the protocol says that this is the same."""
    kind, pc, a = x
    slot = s['slot']
    if pc == 0: yield (changed(s, dict(slot=None)) if slot and slot[0] == '-' else {}), (kind, 1, slot if slot and slot[0] != '-' else None), f'base {slot}'
    elif pc == 1: yield dict(row=s['row'] + 1), (kind, 2, (a, s['row'] + 1)), f'enqueue {s["row"] + 1}'
    elif pc == 2:
        base, n = a
        if slot is None: ch = {}
        elif slot == base and slot[0] == 'V': ch = changed(s, dict(slot=('V', n)))
        elif slot[0] == 'V' and slot[1] >= n: ch = {}
        else: ch = changed(s, dict(slot=None))
        yield ch, (kind, 3, n), f'publish: {ch.get("slot", "as it is")}'
    elif pc == 3: yield dict(acked=max(s['acked'], a)), (kind, 'done', 0), f'ACK {a}'


def near(x, s, i, R):
    """pc: 0 the copy, 1 GET, 2 a new copy, 3 put it there although it was not looked at in the same step."""
    kind, pc, at, value, gen, feed = x

    def verdict(found, at): return f'returns {found}' + ('' if found >= at else '  STALE')
    slot = s['slot']
    if pc == 0:
        at = max(s['due'], s['own'])
        fresh = s['feed'] and s['confirmed'] == s['now'] or R.get('a_hit_needs_no_pong')
        if s['copy'] is not None and fresh: yield {}, (kind, 'done', 0, 0, 0, 0), 'copy: ' + verdict(s['copy'], at)
        else: yield {}, (kind, 1, at, 0, s['gen'], s['feed']), f'no copy; generation {s["gen"]}, connection {s["feed"]}'
    elif pc == 1:
        found = read(slot)
        if found is None: yield changed(s, dict(slot=('V', s['row']))) if slot is None or slot[0] == '-' else {}, (kind, 'done', 0, 0, 0, 0), 'loads and fills: ' + verdict(s['row'], at)
        elif slot[0] == 'T' and not R.get('a_mark_is_copied'): yield {}, (kind, 'done', 0, 0, 0, 0), 'mark: ' + verdict(found, at)
        else: yield {}, (kind, 2, at, found, gen, feed), f'GET {slot}'
    elif pc == 2:
        same = feed == s['feed'] and feed or R.get('a_get_before_the_tracking_is_copied')
        fits = gen == s['gen'] or R.get('what_was_invalidated_is_copied')
        if not (same and fits): yield {}, (kind, 'done', 0, 0, 0, 0), 'no copy: ' + verdict(value, at)
        elif R.get('a_copy_is_looked_at_before_it_is_put_there'): yield {}, (kind, 3, at, value, gen, feed), 'may be copied'
        else: yield dict(copy=value), (kind, 'done', 0, 0, 0, 0), 'copied: ' + verdict(value, at)
    elif pc == 3: yield dict(copy=value), (kind, 'done', 0, 0, 0, 0), 'copied: ' + verdict(value, at)


def flushdb(x, s, i, R):
    yield changed(s, dict(slot=None), 'all'), ('F', 'done'), 'FLUSHDB'


def listener(s, R):
    """What the process's own connection brings."""
    if not s['feed']:
        if s['feeds'] < 2: yield dict(feed=s['feeds'] + 1, feeds=s['feeds'] + 1, stream=(), pinged=None, confirmed=-1), f'LISTENER tracks on connection {s["feeds"] + 1}'
        return
    if s['pinged'] is None and s['confirmed'] < s['now'] and not any(m[0] == 'pong' for m in s['stream']): yield dict(pinged=s['now']), f'LISTENER PING at {s["now"]}'
    if s['pinged'] is not None: yield dict(pinged=None, stream=s['stream'] + (('pong', s['pinged']),)), 'SERVER answers the PING'
    if s['stream']:
        m, rest = s['stream'][0], s['stream'][1:]
        if m[0] == 'pong': yield dict(stream=rest, confirmed=s['now'] if R.get('a_pong_counts_from_its_arrival') else m[1]), f'LISTENER PONG of {m[1]}'
        elif m == 'all' and R.get('an_invalidation_of_nothing_is_nothing'): yield dict(stream=rest), 'LISTENER does not know what nothing is'
        else: yield dict(stream=rest, copy=None, gen=s['gen'] + 1), f'LISTENER {m}'
    if s['cuts']:
        copy = s['copy'] if R.get('a_lost_connection_keeps_the_copies') else None
        yield dict(feed=0, stream=(), pinged=None, confirmed=-1, copy=copy, cuts=s['cuts'] - 1), 'CUT'


STEPS = dict(W=write, O=write, S=write, B=behind, R=near, F=flushdb)


def start(k): return {'R': ('R', 0, 0, 0, 0, 0), 'F': ('F', 0)}.get(k) or (k, 0, 0)


def successors(state, R):
    g, actors = state
    s = dict(zip(KEYS, g))

    def to(ch, i=None, x=None):
        d = dict(s, **ch)
        return tuple(d[k] for k in KEYS), (actors if i is None else actors[:i] + (x,) + actors[i + 1:])
    if s['evicts'] and s['slot'] is not None: yield to(changed(s, dict(slot=None, evicts=s['evicts'] - 1))), 'EVICT'
    if s['lapses'] and s['slot'] and s['slot'][0] == 'T': yield to(dict(slot=('-', s['slot'][2]), lapses=0, acked=max(s['acked'], s['row']))), 'the mark LAPSES'
    if s['ticks']: yield to(dict(now=s['now'] + 1, due=s['acked'], ticks=s['ticks'] - 1)), 'TICK'
    for ch, label in listener(s, R): yield to(ch), label
    for i, x in enumerate(actors):
        k, pc = x[0], x[1]
        if pc in ('done', 'dead'): continue
        if s['kills'] and pc != 0 and k in 'WB': yield to(dict(kills=s['kills'] - 1), i, start(k)[:1] + ('dead',) + start(k)[2:]), f'KILL {k}'
        for ch, nx, label in STEPS[k](x, s, i, R):
            if nx[1] == 'done': nx = start(k)[:1] + ('done',) + start(k)[2:]
            yield to(ch, i, nx), f'{k}[{i}] {label}'


def check(actors, evicts=1, kills=1, cuts=0, ticks=1, lapses=0, cap=6_000_000, **R):
    """Breadth-first search of every interleaving; returns (states, None | 'CAP' | trace)."""
    first = dict(slot=('V', 0), row=0, acked=0, due=0, own=0, copy=None, gen=0, feed=1, feeds=1, stream=(), pinged=None, now=0, confirmed=-1, evicts=evicts, kills=kills, cuts=cuts, ticks=ticks, lapses=lapses)
    init = (tuple(first[k] for k in KEYS), tuple(start(a) for a in actors.split()))
    return search(init, lambda state: successors(state, R), stale, cap)


QUIET = dict(evicts=0, kills=0)
MUTANTS = (('W R R', 'what_was_invalidated_is_copied', {}), ('W R R', 'a_hit_needs_no_pong', {}), ('O R R', 'an_own_write_keeps_the_generation', {}), ('O R R', 'an_own_write_keeps_the_copy', {}),
           ('W R R', 'a_lost_connection_keeps_the_copies', dict(cuts=1, **QUIET)), ('B F R R', 'an_invalidation_of_nothing_is_nothing', QUIET), ('W R R', 'a_get_before_the_tracking_is_copied', dict(cuts=1, **QUIET)),
           ('W R R', 'a_pong_counts_from_its_arrival', QUIET), ('S R R', 'an_own_write_evicts_before_its_finish', QUIET), ('O R R', 'a_copy_is_looked_at_before_it_is_put_there', QUIET),
           ('W R R', 'a_mark_is_copied', dict(lapses=1, **QUIET)))
HOLD = (('W R R', {}), ('O R R', {}), ('S R R', {}), ('B R R', {}), ('W R R', dict(cuts=1, **QUIET)), ('W F R', {}), ('B F R R', QUIET), ('W R R', dict(lapses=1, **QUIET)), ('W O R', QUIET), ('W S R', QUIET))
DEEP = (('W R R', dict(cuts=1)), ('B R R', dict(cuts=1)), ('W O R', dict(cuts=1)), ('W R R', dict(ticks=2)), ('W R R', dict(evicts=2, kills=2, lapses=1)), ('B F R R', {}), ('W B R R', QUIET), ('O W R R', QUIET), ('W R R R', QUIET), ('O R R R', QUIET))

if __name__ == '__main__':
    ok = True
    print('a copy of the row in the process (1 eviction, 1 kill, 1 tick, no cut)')
    for a, options in HOLD + (DEEP if '--deep' in sys.argv else ()): ok &= show(check, f'{a} {options or ""}', a, **options)
    print('mutants: each must fail')
    for a, m, options in MUTANTS: ok &= show(check, f'{m}: {a}', a, must_fail=True, **options, **{m: True})
    sys.exit(not ok)
