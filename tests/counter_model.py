"""Increments that wait (docs/protocol.md, Counters), for one row of a title and a counter, checked exhaustively.

As protocol_model.py, beside which it stands: every arrow is one atomic step, and between any two any actor may run, be
killed, or see the slot evicted. -v prints the trace of each violation.

Actors:
  I write-behind increment, Z write-behind update of the counter, B write-behind update of the title,
  W write-through update of the title, U the same as another live version's slot sees it (no mark), X write-through
  update of the counter, Y write-through increment, R read,
  F flusher, G flusher whose source refuses what waits for the counter, or not: as a constraint does,
  T operator's retry of what is refused, V operator's discard of it.
With `refuses`, the source may refuse what W, U and Y carry of the counter too. With `fails_over`, the queue has a replica
that may take over without its last steps; those that WAIT count only once the replica has them, and all before them.
A counter's value is (b, incs): the stamp of the last absolute write in it, and those of the increments counted since.
What waits for it is a list of entries (kind, first, last, b, incs, sealed): kind S a value, D a delta. A refused one is
always a value, the first of the list, and `flag` is its stamp; what stands behind it waits for it, and is refused too.
"""

import sys

from tests.model_search import search, show

KEYS = ("slot", "clock", "title", "entries", "flag", "claim", "row", "acked", "owed", "evicts", "kills", "flushes", "replica")
QUEUE = ("clock", "title", "entries", "flag", "claim", "owed")  # what the replica has of
ZERO = (0, ())


def plus(c, incs):
    return c[0], tuple(sorted(c[1] + incs))


def newest(title, entries, r=0):
    return max([r, title] + [e[2] for e in entries])


def sealed(entries):
    return tuple(e[:5] + (True,) for e in entries)


def same(entries, others):
    return tuple(e[:5] for e in entries) == tuple(e[:5] for e in others)


def over(c, entries, n, R, flag=0, own=None, base=False):
    """Lay entries over a counter of stamp n; None where that cannot be told: it has an unknown part of a delta."""
    behind = False
    for kind, first, last, b, incs, _ in entries:
        if kind == "S":
            behind = bool(flag) and last == flag
            if last > n or behind:
                c = (b, incs)
        elif behind or first > n or (R.get("an_increment_is_added_whole_over_any_base") and last > n):
            c = plus(c, incs)
        elif last > n:
            if own is None or own[1] != n:
                return None
            c = plus(c, (own[0],))
    return c


def handed(entries, flag, R):
    """What a flush or a writer may write: nothing that is refused, and nothing behind that."""
    if not flag:
        return entries
    if R.get("what_is_behind_a_refused_value_is_flushed"):
        return tuple(e for e in entries if e[2] != flag)
    return ()


def fence(row, title, entries):
    """Before increments are refused: what is older is written, at the stamp just below, so that no writer who has not seen them commits."""
    left = [e for e in entries if e[2] > row[0]]
    if not left or left[0][0] == "S" or row[0] >= left[0][1] - 1:
        return row
    stamp, t, c = row
    return left[0][1] - 1, title if stamp < title < left[0][1] else t, c


def refuse(s, entries, refused, R):
    """Make one refused value of entries that are still what they were, and flag it."""
    if not refused or not same(*([e for e in some if e[2] <= refused[0]] for some in (s["entries"], entries))):
        return {}
    left = tuple(e for e in s["entries"] if e[2] > refused[0])
    return dict(entries=(("S", 0, refused[0], *refused[1], True),) + left, flag=refused[0])


def as_value(row, entries, R):
    """The stamp and the value that the oldest of these would have given the row; None if it has them by now.

    The others stand behind it: a writer may be under way who has seen it and not them.
    """
    left = [e for e in entries if e[2] > row[0]]
    if not left:
        return None
    some = left if R.get("all_that_waits_becomes_one_refused_value") else left[:1]
    c = over(row[2], some, row[0], R)
    return None if c is None else (some[-1][2], c)


def settle_up(s, S, named, R):
    """Drop what is older than S; what is refused only for a write that names the counter. Returns the changes, and whether readers have seen that."""
    flag = s["flag"]
    if flag and not (named and flag < S):
        return dict(title=0 if s["title"] < S else s["title"]), False
    entries = tuple(e for e in s["entries"] if e[2] >= S)
    ch = dict(title=0 if s["title"] < S else s["title"], entries=entries, flag=0)
    if flag and entries and s["claim"] == "dead":
        ch["claim"] = "list"
    if s["claim"] == "dead" and not entries and not ch["title"]:
        ch["claim"] = None
    return ch, bool(flag)


def write(x, s, i, R):
    """W, U, X and Y: mark, stamp, commit with what waits, finish, settle up, acknowledge; 6 to 8 refuse what was carried."""
    k, pc, S, a, b = x
    slot, row = s["slot"], s["row"]

    def at(pc, S=S, a=a, b=b):
        return (k, pc, S, a, b)

    held = slot if slot and slot[0] == "V" else slot[2] if slot and slot[0] == "T" else None
    if pc == 0:
        yield (dict(slot=("T", i, held)) if k != "U" else {}), at(1), f"mark over {held}" if k != "U" else "no mark"
    elif pc == 1:
        S = s["clock"] + 1
        entries = s["entries"] if R.get("a_stamp_seals_nothing") else sealed(s["entries"])
        yield (
            dict(clock=S, entries=entries, owed=s["owed"] | {i}),
            at(2, S=S, a=(s["title"], s["entries"], s["flag"])),
            f"stamp {S}, pending {s['title'], s['entries']}, refused {s['flag']}",
        )
    elif pc == 2:
        stamp, t, c = row
        title, entries, flag = a
        if stamp >= S:
            yield {}, at(1), "superseded: new stamp"
            return
        carried = handed(entries, flag, R)
        if R.get("refuses") and k != "X" and any(e[2] > stamp for e in carried):
            yield {}, at(6), "the source refuses what waits for the counter"
        if title > stamp:
            t = title
        if k in "WU":
            t = S
        if k == "X":
            c = shown = (S, ())
        else:
            named = k == "Y" and flag
            c = over(c, entries if named else carried, stamp, R, flag if named else 0)
            if c is None:
                yield dict(row=(S, t, ZERO)), at(3), "PARTIAL at commit"
                return
            if k == "Y":
                c = plus(c, (S,))
            shown = c if named else over(c, entries, S, R, flag)
        yield dict(row=(S, t, c)), at(3, b=(t, shown)), f"commit {S} {t, c}"
    elif pc == 3:
        mine = slot and slot[:2] == ("T", i)
        yield dict(slot=("V", S, *b) if mine else None), at(4), "finish"
    elif pc == 4:
        names = k == "X" or (k == "Y" and not R.get("an_increment_of_a_refused_value_leaves_it"))
        ch, again = settle_up(s, S, names, R)
        if again:
            yield ch, at(9), "settle up, what was refused too"
        else:
            yield dict(ch, owed=s["owed"] - {i}), at(5), "settle up"
    elif pc == 9:
        yield dict(slot=None), at(4), "empty the slot, which may show what was refused"
    elif pc == 5:
        t, (b, incs) = s["acked"]
        yield (
            dict(
                acked=(max(t, S), (b, incs))
                if k in "WU"
                else (t, (max(b, S), incs))
                if k == "X"
                else (t, plus((b, incs), (S,)))
            ),
            at("done"),
            f"ACK {k} {S}",
        )
    elif pc == 6:
        yield (
            dict(row=row if R.get("increments_are_refused_without_a_fence") else fence(row, a[0], a[1])),
            at(7),
            "fence",
        )
    elif pc == 7:
        yield {}, at(8, b=as_value(row, a[1], R)), f"refused: {as_value(row, a[1], R)}"
    elif pc == 8:
        ch = refuse(s, a[1], b, R)
        if ch and not s["title"] and s["claim"] == "list":
            ch["claim"] = "dead"
        yield ch, at(1, b=None), f"flag {ch}"


def joins(entries, R):
    """Whether an increment joins the last entry: never a value, and nothing that somebody was handed."""
    if not entries:
        return False
    if entries[-1][0] == "S":
        return bool(R.get("an_increment_joins_a_value"))
    return not entries[-1][5] or bool(R.get("an_increment_joins_what_is_sealed"))


def write_behind(x, s, i, R):
    """I, Z and B: base, enqueue and learn all that waits, publish over the base only, acknowledge."""
    k, pc, S, a, b = x
    slot = s["slot"]

    def at(pc, S=S, a=a, b=b):
        return (k, pc, S, a, b)

    if pc == 0:
        a = slot if slot and slot[0] == "V" else None
        yield {}, at(1, a=a), f"base {a}"
    elif pc == 1:
        S = max(s["clock"], a[1] if a else 0) + 1
        title, entries, flag, prev = s["title"], s["entries"], s["flag"], None
        if k == "B":
            title = S
        elif k == "Z":
            entries, flag = (("S", S, S, S, (), False),), 0
        elif joins(entries, R):
            kind, first, prev, eb, incs, seal = entries[-1]
            entries = entries[:-1] + (
                (kind, first, prev if R.get("a_merge_keeps_its_stamp") else S, eb, incs + (S,), seal),
            )
        elif len(entries) >= R.get("most", 99):
            yield {}, at("done"), "FULL"
            return
        else:
            entries += (("D", S, S, 0, (S,), False),)
        v = None
        if a:
            n, t, c = a[1:]
            c = over(c, entries, n, R, flag, own=(S, prev) if k == "I" else None)
            v = None if c is None else (title if title > n else t, c)
        waits = title or handed(entries, flag, R)
        claim = "list" if waits and s["claim"] in (None, "dead") else s["claim"]
        yield (
            dict(clock=S, title=title, entries=entries, flag=flag, claim=claim),
            at(2, S=S, b=v),
            f"enqueue {S}: {title, entries}",
        )
    elif pc == 2:
        if slot and slot[0] == "V":
            new = ("V", S, *b) if slot == a and b is not None else slot if slot[1] >= S else None
        else:
            new = None
        yield dict(slot=new), at(3), f"publish -> {new}"
    elif pc == 3:
        t, (b, incs) = s["acked"]
        yield (
            dict(
                acked=(max(t, S), (b, incs))
                if k == "B"
                else (t, (max(b, S), incs))
                if k == "Z"
                else (t, plus((b, incs), (S,)))
            ),
            at("done"),
            f"ACK {k} {S}",
        )


def read(x, s, i, R):
    k, pc, lb, a, b = x
    slot = s["slot"]

    def at(pc, lb=lb, a=a, b=b):
        return (k, pc, lb, a, b)

    held = slot if slot and slot[0] == "V" else slot[2] if slot and slot[0] == "T" else None
    if pc == 0:
        if held:
            yield {}, at("done"), f"hit {held}" + verdict(held[2:], s["acked"], s)
        else:
            yield (dict(slot=("L", i)) if slot is None else {}), at(1, lb=s["acked"]), "miss"
    elif pc == 1:
        yield (
            {},
            at(2, a=(s["title"], s["entries"], s["flag"])),
            f"pending {s['title'], s['entries']}, refused {s['flag']}",
        )
    elif pc == 2:
        stamp, t, c = s["row"]
        title, entries, flag = a
        if any(e[2] <= stamp for e in handed(entries, flag, {})) and not R.get(
            "a_reader_of_increments_does_not_ask_again"
        ):
            yield {}, at(4, b=s["row"]), f"row {s['row']}: has it these, or were they refused?"
            return
        c = over(c, entries, stamp, R, flag)
        if c is None:
            yield {}, at("done"), "PARTIAL at read"
            return
        yield {}, at(3, b=(newest(title, entries, stamp), title if title > stamp else t, c)), f"row {s['row']} -> {c}"
    elif pc == 4:
        stamp, t, c = b
        title, entries, flag = a
        if not same(entries, s["entries"]) or flag != s["flag"]:
            yield {}, at(1, a=None, b=None), "asks again: something else, starts over"
            return
        c = over(c, entries, stamp, R, flag)
        if c is None:
            yield {}, at("done"), "PARTIAL at read"
            return
        yield (
            {},
            at(3, b=(newest(title, entries, stamp), title if title > stamp else t, c)),
            f"asks again: the same -> {c}",
        )
    elif pc == 3:
        yield (dict(slot=("V", *b)) if slot == ("L", i) else {}), at("done"), f"fill {b}" + verdict(b[1:], lb, s)


def flush(x, s, i, R):
    k, pc, S, a, b = x
    slot, row = s["slot"], s["row"]

    def at(pc, S=S, a=a, b=b):
        return (k, pc, S, a, b)

    idle = (k, 0, 0, None, None)
    if pc == 0:
        if not s["flushes"]:
            return
        if s["claim"] == "list":
            entries = handed(s["entries"], s["flag"], R)
            if s["title"] or entries:
                kept = s["entries"] if R.get("a_claim_seals_nothing") else sealed(s["entries"])
                yield (
                    dict(claim=i, entries=kept, flushes=s["flushes"] - 1),
                    at(1, a=(s["title"], entries)),
                    f"claim {s['title'], entries}",
                )
            else:
                yield dict(claim="dead" if s["flag"] else None), idle, "skip"
        elif isinstance(s["claim"], int):
            yield dict(claim="list", flushes=s["flushes"] - 1), idle, "reap"
    elif pc == 1:
        title, entries = a
        S = newest(title, entries)
        stamp, t, c = row
        if stamp >= S:
            yield {}, at(2), "superseded"
            return
        if k == "G" and any(e[2] > stamp for e in entries):
            yield {}, at(4), "refused"
        c = over(c, entries, stamp, R)
        if c is None:
            yield dict(row=(S, t, ZERO)), at(2), "PARTIAL at flush"
            return
        yield dict(row=(S, title if title > stamp else t, c)), at(2), f"commit {S} {c}"
    elif pc == 2:
        S = newest(*a)
        yield dict(slot=slot if slot and slot[0] == "V" and slot[1] >= S else None), at(3), "settle"
    elif pc == 3:
        S = newest(*a)
        title = 0 if s["title"] <= S else s["title"]
        out = handed(s["entries"], s["flag"], R)
        entries = tuple(e for e in s["entries"] if e[2] > S or e not in out)
        claim = "list" if title or handed(entries, s["flag"], R) else "dead" if entries else None
        yield dict(title=title, entries=entries, claim=claim), idle, f"ack {S}, left {title, entries}"
    elif pc == 4:
        yield dict(row=row if R.get("increments_are_refused_without_a_fence") else fence(row, *a)), at(5), "fence"
    elif pc == 5:
        yield {}, at(6, b=as_value(row, a[1], R)), f"refused: {as_value(row, a[1], R)}"
    elif pc == 6:
        ch = refuse(s, a[1], b, R)
        left = dict(s, **ch)
        waits = left["title"] or handed(left["entries"], left["flag"], R)
        yield dict(ch, claim="list" if waits else "dead" if left["entries"] else None), idle, f"bury {ch}"


def operate(x, s, i, R):
    """T and V: a retry gives all that is refused new stamps, in its order; a discard gives up the refused value alone."""
    k, pc = x[:2]
    if pc == 0 and s["flag"]:
        value, behind = s["entries"][0], s["entries"][1:]
        if k == "T" and not s["owed"]:
            again = value[:1] + (0, s["clock"] + 1) + value[3:]
            if R.get("a_retry_leaves_what_is_behind"):
                entries, clock = behind + (again,), s["clock"] + 1
            else:
                entries, clock = (
                    (again,)
                    + tuple((e[0], s["clock"] + 2 + n, s["clock"] + 2 + n, *e[3:]) for n, e in enumerate(behind)),
                    s["clock"] + 1 + len(behind),
                )
            if R.get("a_retry_leaves_what_is_behind"):
                entries = tuple(e for e in entries if e[2] >= again[2])
            yield (
                dict(clock=clock, entries=entries, flag=0, claim="list" if s["claim"] == "dead" else s["claim"]),
                (k, "done", 0, None, None),
                f"retry: {entries}",
            )
        t, (b, incs) = s["acked"]
        if k == "V" and b >= value[3] and set(value[4]) <= set(incs):
            in_row = s["row"][2]
            gone = tuple(j for j in value[4] if j not in in_row[1])
            left = (t, (min(b, in_row[0]), tuple(j for j in incs if j not in gone)))
            behind = () if R.get("a_discard_takes_what_is_behind") else behind
            claim = s["claim"] if s["claim"] != "dead" else "list" if behind else None
            yield (
                dict(entries=behind, flag=0, acked=left, claim=claim, owed=s["owed"] | {i}),
                (k, 1, 0, None, None),
                f"discard {value}",
            )
    elif pc == 1:
        yield dict(slot=None, owed=s["owed"] - {i}), (k, "done", 0, None, None), "empty the slot"


def counts(c, lb):
    """Whether a counter has all that was acknowledged at lb: (set, incs)."""
    return c[0] >= lb[0] and all(c[1].count(j) == 1 for j in lb[1] if j > c[0])


def twice(c):
    return len(set(c[1])) != len(c[1])


def verdict(v, lb, s):
    (t, c), now = v, s["acked"]
    lb = lb[0], (min(lb[1][0], now[1][0]), tuple(j for j in lb[1][1] if j in now[1][1]))  # a discard takes back
    if twice(c):
        return f"  STALE: counted twice {c}"
    return "" if t >= lb[0] and counts(c, lb[1]) else f"  STALE {v}, acknowledged {lb}"


def start(k):
    return (k, 0, 0, None, None)


def waits(k, pc, s, changes, R):
    """Whether a step counts only once the replica has it: those that are acknowledged or that something is written after."""
    if k in "FG":
        return pc == 0 and isinstance(changes.get("claim"), int) and not R.get("a_claim_is_known_to_the_primary_alone")
    return pc in (1, 4) if k == "R" else pc == 1 and k not in "TV"


def with_replica(k, pc, s, changes, nx, label, R):
    """The same step with a replica: it has what is waited for, or has not and nobody counts on it."""
    if not waits(k, pc, s, changes, R):
        yield changes, nx, label
        return
    yield dict(changes, replica=queue_of(dict(s, **changes))), nx, label
    gone = start(k) if k in "FG" else (k, "dead", 0, None, None)
    yield changes, gone, f"{label}, and the replica does not confirm it"


def queue_of(s):
    return tuple(s[key] for key in QUEUE)


def successors(state, R):
    g, actors = state
    s = dict(zip(KEYS, g))

    def to(changes, i=None, x=None):
        d = dict(s, **changes)
        return tuple(d[k] for k in KEYS), (actors if i is None else actors[:i] + (x,) + actors[i + 1 :])

    slot = s["slot"]
    if s["replica"] not in (None, queue_of(s)):
        yield to(dict(replica=queue_of(s))), "REPLICATE"
        yield to(dict(zip(QUEUE, s["replica"]), replica=None)), "FAIL OVER"
    if slot and s["evicts"]:
        yield to(dict(slot=None, evicts=s["evicts"] - 1)), f"EVICT {slot}"
    if slot and slot[0] in "TL" and actors[slot[1]][1] in ("dead", "done"):
        yield to(dict(slot=None)), "EXPIRE"
    for i, x in enumerate(actors):
        k, pc = x[:2]
        if pc in ("done", "dead"):
            continue
        if s["kills"] and pc != 0:
            yield (
                to(dict(kills=s["kills"] - 1), i, start(k) if k in "FG" else (k, "dead", 0, None, None)),
                f"KILL {k}{i}",
            )
        steps = dict(
            I=write_behind, Z=write_behind, B=write_behind, R=read, F=flush, G=flush, T=operate, V=operate
        ).get(k, write)
        taken = steps(x, s, i, R)
        if s["replica"]:
            taken = (each for step in taken for each in with_replica(k, pc, s, *step, R))
        for changes, nx, label in taken:
            if nx[1] == "done":
                nx = (k, "done", 0, None, None)
            yield to(changes, i, nx), f"{k}[{i}] {label}"


def broken(state, label, R):
    s = dict(zip(KEYS, state[0]))
    if "STALE" in label or "PARTIAL" in label:
        return label
    if twice(s["row"][2]):
        return f"{label}  TWICE: {s['row']}"
    waits = s["title"] or handed(s["entries"], s["flag"], R)
    if waits and s["claim"] in (None, "dead"):
        return f"{label}  LOST: {s['title'], s['entries']} waits in no list"
    if s["flag"] and not (s["entries"] and s["entries"][0][:3:2] == ("S", s["flag"])):
        return f"{label}  a flag without a value"
    resting = all(x[1] in ("done", "dead") or (x[0] in "FGTV" and x[1] == 0) for x in state[1]) and not waits
    c = over(s["row"][2], s["entries"], s["row"][0], R, s["flag"])
    if resting and (c is None or twice(c) or not (s["row"][1] >= s["acked"][0] and counts(c, s["acked"][1]))):
        return f"{label}  LOST: acknowledged {s['acked']}, source {s['row']}, shown {c}"
    if len(s["entries"]) > R.get("most", 99):
        return f"{label}  {len(s['entries'])} entries"


def check(actors, evicts=1, kills=1, flushes=3, cap=4_000_000, **R):
    """Breadth-first search of every interleaving; returns (states, None | 'CAP' | trace)."""
    replica = (0, 0, (), 0, None, frozenset()) if R.get("fails_over") else None
    init = (
        (("V", 0, 0, ZERO), 0, 0, (), 0, None, (0, 0, ZERO), (0, ZERO), frozenset(), evicts, kills, flushes, replica),
        tuple(start(a) for a in actors.split()),
    )
    return search(init, lambda state: successors(state, R), lambda state, label: broken(state, label, R), cap)


REFUSED = (
    "I G R",
    "I I G R",
    "I W R",
    "I Y R",
    "Y I G",
    "Z I G",
    "I G Y",
    "I G X",
    "I G T F",
    "I I G T",
    "I G V R",
    "I I G V",
)
MUTANTS = (
    ("I I F", "a_claim_seals_nothing", {}),
    ("I I W F", "a_stamp_seals_nothing", {}),
    ("I I R", "an_increment_is_added_whole_over_any_base", {}),
    ("I I F R", "a_merge_keeps_its_stamp", {}),
    ("Z I Y F", "an_increment_joins_a_value", {}),
    ("I I F", "an_increment_joins_what_is_sealed", {}),
    ("Y I G", "increments_are_refused_without_a_fence", {}),
    ("I I G", "what_is_behind_a_refused_value_is_flushed", {}),
    ("I G Y", "an_increment_of_a_refused_value_leaves_it", {}),
    ("I I G T", "a_retry_leaves_what_is_behind", {}),
    ("I I G V", "a_discard_takes_what_is_behind", {}),
    ("I W R", "a_reader_of_increments_does_not_ask_again", {"refuses": True}),
    ("I I F", "a_claim_is_known_to_the_primary_alone", {"fails_over": True}),
)

if __name__ == "__main__":
    deep, ok = "--deep" in sys.argv, True
    print("increments that wait: none lost, none counted twice, no stale read (1 eviction, 1 kill)")
    for a in ("I F R", "I I R", "I I F", "I B R", "I B F", "I Z F", "I W R", "I Y F", "I Y R", "Y Y R", "I I F F") + (
        (
            "I I F R",
            "I I W F",
            "I X F R",
            "I Z I F",
            "Z I W F",
            "I B W F",
            "I U F R",
            "I B I R",
            "I I W R",
            "I Z X F",
            "I I B F",
        )
        if deep
        else ()
    ):
        ok &= show(check, a, a)
    ok &= show(check, "I I W W, at most 2 entries", "I I W W", most=2)
    print("the source refuses what waits for the counter, or not")
    for a in REFUSED + (
        (
            "I I G Y",
            "I I G R V",
            "I B G R",
            "I W W G",
            "I Y W G",
            "Y I W G",
            "I I W R",
            "I I G T F",
            "X I G R",
            "I Z G R",
        )
        if deep
        else ()
    ):
        ok &= show(check, a, a, refuses=True)
    print("the queue fails over to a replica that may lack the last steps")
    for a in ("I I F", "I F R", "I W F", "I Y R") + (("I I F R", "I I W F", "I B F R") if deep else ()):
        ok &= show(check, a, a, fails_over=True)
    print("mutants: each must fail")
    for a, m, more in MUTANTS:
        ok &= show(check, f"{m}: {a}", a, must_fail=True, **{m: True}, **more)
    sys.exit(not ok)
