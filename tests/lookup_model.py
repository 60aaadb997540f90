"""Lookups by a unique field (docs/protocol.md), checked exhaustively as in protocol_model.py: who has the value x?

Two rows; row 1 has x at the beginning. A hint says which row has x, each row has its slot. Between any two steps any
actor may run, be killed, or see the hint or a slot evicted. -v prints the trace of each violation, --deep adds the slow
combinations.

Actors:
  P row 1 gives x up, Q row 2 takes it once nobody has it, p and q the same the other way round (row 2 gives it up, row 1 takes it again),
  S both rows change in one transaction, so somebody has x all the time,
  A as Q, but without the cache: what it could not tell is owed,
  U as Q, of a release that knows no lookups, which announces itself first,
  R get_by(x),
  C get_by(x) in a process that keeps copies of rows (near_model.py): a copy with x answers for the row that the hint names,
  K as Q, k as P, in that process: its copy of the row is dropped before the write is acknowledged,
  J janitor: works off what is owed.
A copy is what a slot held at any time; at a TICK of `near` it goes unless the slot holds that still. What C returns may be
as old as the last TICK, as far as others wrote that row, but not where x was taken for another, nor by its own process.
Each write has an index in the order of the commits; `owners` says who had x after each, which rows it wrote and whether
it took x. What a reader returns must have been so after some write, with no later one acknowledged before it began that
wrote that row or took x for another: giving x up is nobody's business but the row's.
State:
  hint     None | ('L', who) a lease | 1 | 2
  slots    None | ('L', who) | ('T', who, old) a mark | ('V', value), of row 1 and row 2
  rows     the value of each row;  owners: see above;  acked: indices of the acknowledged writes
  owed     writers under way;  debts: rows whose slot and hint the cache could not be told of
  beside   a release that knows no lookups is announced
  copies   what the process's copies of row 1 and row 2 say, None for none;  due: acked before the last TICK;  own: of
           these, by the process;  hinted: its copy of the hint, in a mutant
"""
import sys

from tests.model_search import search, show, stale

KEYS = ('hint', 'slots', 'rows', 'owners', 'acked', 'owed', 'debts', 'beside', 'evicts', 'kills', 'ticks', 'copies', 'due', 'own', 'hinted')
TRIES = 2


def put(pair, n, v): return (v, pair[1]) if n == 1 else (pair[0], v)
def right(found, owners, at): return any(had == found and not any(k > j and (owners[k][2] or found in owners[k][1] and k in at[1]) for k in at[0]) for j, (had, _, _) in enumerate(owners))
def owner(rows): return 1 if rows[0] == 'x' else 2 if rows[1] == 'x' else None


def write(x, s, i, R):
    """Mark, stamp (owed), commit, finish, empty the hint of what was taken, acknowledge."""
    kind, pc, idx = x
    n = 1 if kind in 'Pqk' else 2
    takes = kind in 'QqSAUK'
    ns = (1, 2) if kind == 'S' else (n,)
    if pc == 0 and kind == 'U': yield dict(beside=True), (kind, 'sweep', 0), 'announces itself'
    elif pc == 'sweep': yield dict(hint=s['hint'] if R.get('an_announcement_leaves_the_hints') else None), (kind, 1, 0), 'hints swept'
    elif pc == 0:
        slots = s['slots']
        for k in ns if kind in 'PQpqKk' else ():
            was = slots[k - 1]
            slots = put(slots, k, ('T', i, was if was and was[0] == 'V' else was[2] if was and was[0] == 'T' else None))
        yield dict(slots=slots), (kind, 1, 0), f'mark {ns}'
    elif pc == 1: yield dict(owed=s['owed'] | {i}), (kind, 2, 0), 'stamp'
    elif pc == 2 and takes and R.get('a_hint_is_emptied_before_the_commit'): yield dict(hint=None), (kind, 'late', 0), 'hint emptied'
    elif pc in (2, 'late'):
        if takes and kind != 'S' and owner(s['rows']) is not None: return
        if not takes and owner(s['rows']) != n: return
        if kind == 'S' and s['rows'] != ('x', 'z'): return
        rows = ('z', 'x') if kind == 'S' else put(s['rows'], n, 'x' if takes else 'y')
        yield dict(rows=rows, owners=s['owners'] + ((owner(rows), ns, takes),)), (kind, 3, len(s['owners'])), f'commit {rows}'
    elif pc == 3 and kind == 'A': yield dict(debts=s['debts'] | {n}), (kind, 5, idx), 'the cache does not answer: owed'
    elif pc == 3:
        slots = s['slots']
        for k in ns:
            mine = slots[k - 1] and slots[k - 1][:2] == ('T', i)
            slots = put(slots, k, ('V', s['rows'][k - 1]) if mine and kind in 'QqK' else None)
        yield dict(slots=slots), (kind, 4, idx), f'finish {slots}'
    elif pc == 4:
        hint, empties = s['hint'], takes and kind != 'U' and not R.get('nobody_empties_hints') and not R.get('a_hint_is_emptied_before_the_commit')
        copies = put(s['copies'], n, None) if kind in 'Kk' and not R.get('an_own_write_keeps_the_copy') else s['copies']
        yield dict(copies=copies, hint=None if empties else hint), (kind, 5, idx), 'hint emptied' if empties else 'nothing was taken'
    elif pc == 5: yield dict(owed=s['owed'] - {i}), (kind, 6, idx), 'settle up'
    elif pc == 6: yield dict(acked=s['acked'] | {idx}, own=s['own'] | ({idx} if kind in 'Kk' else set())), (kind, 'done', 0), f'ACK {idx}'


def read(x, s, i, R):
    """The hint, the row that it names; else the row that the database names, by its slot and then from the database.

    pc: 0 the hint, 1 the slot of the row it names, 2 that row, 3 the hint is wrong, 4 the versions, 5 SELECT by value,
    6 fill the hint, 7 the slot of the row named, 8 that row past its slot; ('copy', 1 or 7) the copy that C has of it."""
    kind, pc, a, at, excused, leased, may, tries = x
    def to(pc, a=a, at=at, excused=excused, leased=leased, may=may, tries=tries): return (kind, pc, a, at, excused, leased, may, tries)

    def verdict(found, at=at, excused=excused): return f'returns {found}' + ('' if excused or right(found, s['owners'], at) else '  STALE')
    hint = s['hinted'] or s['hint']
    slot_or_copy = {1: ('copy', 1), 7: ('copy', 7)} if kind == 'C' else {1: 1, 7: 7}
    if pc in (0, 'lease'):
        begun = dict(at=(s['acked'], s['due'] | s['own'] if kind == 'C' else s['acked']), excused=bool(s['debts'])) if pc == 0 else {}
        if hint in (1, 2):
            if R.get('a_hint_alone_decides'): yield {}, to('done', **begun), verdict(hint, **begun)
            else: yield {}, to(slot_or_copy[1], a=hint, **begun), f'hint {hint}'
        elif hint is None and not R.get('hints_are_filled_without_a_lease'):
            yield dict(hint=('L', i)), to(5 if R.get('a_hint_is_filled_beside_any_release') else 4, leased=True, may=True, **begun), 'lease'
        else: yield {}, to(5, leased=False, may=True, **begun), f'{hint}: the database'
    elif isinstance(pc, tuple) and pc[0] == 'copy':
        value = s['copies'][a - 1]
        if value == 'x': yield {}, to('done'), f'copy {a}: ' + verdict(a)
        elif value is not None and R.get('a_copy_need_not_have_the_value'): yield {}, to('done'), f'copy {a} with {value}: returns {a}  STALE'
        else: yield {}, to(pc[1]), f'copy {a} says {value}'
    elif pc in (1, 7):
        slot = s['slots'][a - 1]
        value = slot[1] if slot and slot[0] == 'V' else slot[2][1] if slot and slot[0] == 'T' and slot[2] else None
        wrong = 3 if pc == 1 else 8
        if value == 'x': yield {}, to('done'), verdict(a)
        elif value is not None: yield {}, to('missing' if R.get('the_first_slot_decides') and pc == 7 else wrong), f'slot {a} says {value}'
        elif slot is None: yield dict(slots=put(s['slots'], a, ('L', i))), to((2, pc)), f'slot {a}: lease'
        else: yield {}, to((2, pc)), f'slot {a} is {slot}'
    elif isinstance(pc, tuple) and pc[0] == 2: yield {}, to(('fill', pc[1], s['rows'][a - 1])), f'load row {a}: {s["rows"][a - 1]}'
    elif isinstance(pc, tuple):
        _, back, value = pc
        mine = s['slots'][a - 1] == ('L', i)
        ch = dict(slots=put(s['slots'], a, ('V', value))) if mine else {}
        if value == 'x': yield ch, to('done'), verdict(a)
        else: yield ch, to(3 if back == 1 else 8), f'row {a} has {value}'
    elif pc == 'missing': yield {}, to('done'), verdict(None)
    elif pc == 3: yield (dict(hint=None) if hint == a else {}), to('lease', tries=tries + 1) if tries < TRIES else to(5, leased=False), 'the hint is emptied, if it still is that'
    elif pc == 4: yield {}, to(5, may=not s['beside']), f'a release without lookups: {s["beside"]}'
    elif pc == 5:
        f = owner(s['rows'])
        if f is None: yield (dict(hint=None) if hint == ('L', i) else {}), to('done'), verdict(None)
        else: yield {}, to(6, a=f), f'SELECT by x: {f}'
    elif pc == 6:
        if R.get('hints_are_filled_without_a_lease'): ch = dict(hint=a)
        else: ch = dict(hint=a if may else None) if leased and hint == ('L', i) else {}
        yield ch, to(slot_or_copy[7], leased=False), f'hint {ch.get("hint", "as it is")}'
    elif pc == 8:
        value = s['rows'][a - 1]
        if value == 'x': yield {}, to('done'), verdict(a)
        elif tries < TRIES: yield {}, to(5, tries=tries + 1, leased=False), f'row {a} has {value}: once more'
        else: yield {}, to('done'), 'gives up: Contended'


def janitor(x, s, i, R):
    kind, pc, a = x
    if pc == 0:
        for w in sorted(s['owed']):
            if R['_dead'](w): yield {}, ('J', ('values', w), R['_row'](w)), f'writer {w} is dead'
        for n in sorted(s['debts']): yield {}, ('J', ('values', None), (n,)), f'row {n} is owed'
    elif pc[0] == 'values': yield {}, ('J', ('slots', pc[1], any(s['rows'][n - 1] == 'x' for n in a)), a), 'which values have they now'
    elif pc[0] == 'slots':
        slots = s['slots']
        for n in a: slots = put(slots, n, None)
        yield dict(slots=slots), ('J', ('hint', *pc[1:]), a), f'slots {a} emptied'
    elif pc[0] == 'hint':
        drops = pc[2] and not R.get('what_is_owed_is_a_slot_alone')
        yield dict(hint=None if drops else s['hint'], owed=s['owed'] - {pc[1]}, debts=s['debts'] - set(a) if pc[1] is None else s['debts']), ('J', 0, 0), 'hint emptied and paid' if drops else 'paid'


def start(k): return (k, 0, 0, (frozenset(), frozenset()), False, False, False, 0) if k in 'RC' else (k, 0, 0)


def successors(state, R):
    g, actors = state
    s = dict(zip(KEYS, g))

    def to(ch, i=None, x=None):
        d = dict(s, **ch)
        return tuple(d[k] for k in KEYS), (actors if i is None else actors[:i] + (x,) + actors[i + 1:])
    if s['evicts']:
        if s['hint'] is not None: yield to(dict(hint=None, evicts=s['evicts'] - 1)), f'EVICT hint {s["hint"]}'
        for n in (1, 2):
            if s['slots'][n - 1] is not None: yield to(dict(slots=put(s['slots'], n, None), evicts=s['evicts'] - 1)), f'EVICT slot {n}'
    if s['ticks'] is not None:
        for n, slot in enumerate(s['slots'], 1):
            if slot and slot[0] == 'V' and s['copies'][n - 1] != slot[1]: yield to(dict(copies=put(s['copies'], n, slot[1]))), f'COPY {n} of {slot[1]}'
    if s['ticks']:
        same = tuple(copy if slot == ('V', copy) else None for copy, slot in zip(s['copies'], s['slots']))
        yield to(dict(ticks=s['ticks'] - 1, copies=same, due=s['acked'], hinted=s['hinted'] if s['hinted'] == s['hint'] else None)), 'TICK'
    known = dict(R, _dead=lambda w: actors[w][1] == 'dead', _row=lambda w: {'S': (1, 2), 'P': (1,), 'q': (1,), 'k': (1,)}.get(actors[w][0], (2,)))
    for i, x in enumerate(actors):
        k, pc = x[0], x[1]
        if pc in ('done', 'dead'): continue
        if s['kills'] and pc != 0 and k != 'J': yield to(dict(kills=s['kills'] - 1), i, start(k)[:1] + ('dead',) + start(k)[2:]), f'KILL {k}'
        for ch, nx, label in dict(R=read, C=read, J=janitor).get(k, write)(x, s, i, known):
            if nx[1] == 'done': nx = start(k)[:1] + ('done',) + start(k)[2:]
            yield to(ch, i, nx), f'{k}[{i}] {label}'


def one_order(state):
    """Return the state with readers of one kind in one order, of all that differ in nothing but who of them is who."""
    g, actors = state
    hint, slots, more = g[0], g[1], g[2:]
    order = list(range(len(actors)))
    for kind in 'RC':
        alike = [i for i, x in enumerate(actors) if x[0] == kind]
        if len(alike) > 1:
            # By hash, for nothing else orders them: of two that share one, the order is not decided, and the state counts twice.
            leases = {i: (hint == ('L', i), slots[0] == ('L', i), slots[1] == ('L', i)) for i in alike}
            for i, was in zip(alike, sorted(alike, key=lambda i: hash((actors[i], leases[i])))): order[i] = was
    if order == sorted(order): return state
    def renamed(lease): return ('L', order.index(lease[1])) if isinstance(lease, tuple) and lease[0] == 'L' else lease
    return (renamed(hint), tuple(map(renamed, slots)), *more), tuple(actors[was] for was in order)


def check(actors, evicts=1, kills=1, cap=5_000_000, **R):
    """Breadth-first search of every interleaving; returns (states, None | 'CAP' | trace)."""
    none, near = frozenset(), 'C' in actors
    first = dict(hint=1, slots=(('V', 'x'), ('V', 'z')), rows=('x', 'z'), owners=((1, (), False),), acked=none, owed=none, debts=none, beside=False, evicts=evicts, kills=kills, ticks=1 if near else None, copies=(None, None), due=none, own=none, hinted=1 if R.get('a_hint_is_copied_too') else None)
    init = (tuple(first[k] for k in KEYS), tuple(start(a) for a in actors.split()))
    return search(init, lambda state: ((one_order(after), words) for after, words in successors(state, R)), stale, cap)


MUTANTS = (('P Q R', 'nobody_empties_hints'), ('P Q R R', 'hints_are_filled_without_a_lease'), ('P R', 'a_hint_alone_decides'), ('S R', 'the_first_slot_decides'),
           ('P Q R R', 'a_hint_is_emptied_before_the_commit'), ('P A J R', 'what_is_owed_is_a_slot_alone'), ('P U R', 'an_announcement_leaves_the_hints'), ('P U R R', 'a_hint_is_filled_beside_any_release'),
           ('k C', 'an_own_write_keeps_the_copy'), ('P K C', 'a_hint_is_copied_too'), ('P Q C', 'a_copy_need_not_have_the_value'))

if __name__ == '__main__':
    deep = '--deep' in sys.argv
    ok = True
    print('a value that one row gives up and another takes (1 eviction, 1 kill)')
    for a in ('P Q R', 'P Q R R', 'S R', 'S R R', 'P Q p R', 'P Q J R', 'S J R', 'P A J R', 'P U R', 'P Q C', 'k Q C', 'P K C', 'S C') + (('P Q R R R', 'P Q p q R', 'S R R R', 'P Q J R R', 'P A J R R', 'P U R R', 'P Q p C', 'P K C C', 'k Q C R', 'S J C', 'P A J C') if deep else ()):
        ok &= show(check, a, a)
    for a in ('P Q R', 'S R', 'P U R'): ok &= show(check, f'{a}, 2 evictions, 2 kills', a, evicts=2, kills=2)
    print('mutants: each must fail')
    for a, m in MUTANTS: ok &= show(check, f'{m}: {a}', a, must_fail=True, **{m: True})
    sys.exit(not ok)
