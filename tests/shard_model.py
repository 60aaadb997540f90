"""A queue in shards whose number changes (docs/protocol.md, Shards), for one row of two fields, checked exhaustively.

As protocol_model.py, beside which it stands: every arrow is one atomic step, and between any two any actor may run, be
killed, or see the slot evicted. No step touches two shards, nor a shard and the record of how many there are (`home`),
because a cluster has each of them in another hash slot. -v prints the trace of each violation, --deep adds more actors.

Actors (a trailing digit is the field they write, 0 or 1):
  W cache-aside update, D delete, B write-behind update (reads its base first), R read, F flusher, G flusher whose
  source refuses field 1 (dead letter), T operator's retry of that, J janitor: empties the slot for writers that died,
  X changes the number of shards, or goes on with a change that somebody has begun; then the row is in the other shard,
  Y takes a change back, where it still can be.
Each of W, D, B, R knows one number of shards and asks the shard which the row has by that; if the shard says that it is
not current, it asks home and begins that step again. It may be an old one: one that has been current before and is again.
State:
  shards   of each: (state, clock, pending, flag, claim, owed, gone, run)
           state  open | closing (takes no write-behind) | ended (is not current any more) | filling (not current yet)
           run    the highest number of a change that has touched it; whoever has a lower one is refused
  home     (which shard is current, what is under way there, run): '' nothing, 'to' a change, 'back' taking one back,
           'opened' the other shard is current, and perhaps not open yet
The rest is as in protocol_model.py. `flag` is the stamp of the waiting value of field 1 that is refused.
"""

import sys

from tests.model_search import search, show

KEYS = ("slot", "shards", "home", "row", "alive", "acked", "deleted", "again", "evicts", "kills", "flushes")
SHARD = ("state", "clock", "pending", "flag", "claim", "owed", "gone", "run")
NONE = ZERO = (0, 0)


def put(pair, i, v):
    return (v, pair[1]) if i == 0 else (pair[0], v)


def shard(s, k):
    return dict(zip(SHARD, s["shards"][k]))


def changed(s, k, **ch):
    new = tuple({**shard(s, k), **ch}.values())
    return dict(shards=(new, s["shards"][1]) if k == 0 else (s["shards"][0], new))


def unflagged(q, pending=None):
    p = pending or q["pending"]
    return (p[0], 0 if q["flag"] and p[1] == q["flag"] else p[1])


def origin(stamp, s):
    return s["again"][1] if stamp and stamp == s["again"][0] else stamp


def overlay(row, pending, flag, s):
    stamp, value = row
    for i in (0, 1):
        if pending[i] > stamp or (i == 1 and pending[1] and pending[1] == flag):
            value = put(value, i, origin(pending[i], s))
    return max(stamp, *pending), value


def refused(q):
    """Whether a shard answers that it is not current: what stands there in the place of everything else."""
    return q["state"] in ("ended", "filling")


def asks_home(s, k, at):
    """What an actor does that was told so: it asks how many shards there are, until that has changed."""
    if s["home"][0] != k or not refused(shard(s, k)):
        yield {}, at(k=s["home"][0]), f"not current: asks home, {s['home'][0]}"


def write(x, s, i, R):
    """W and D: mark, stamp, commit own and waiting fields, empty the slot, settle up, acknowledge."""
    kind, f, pc, k, S, seen, again = x

    def at(pc=pc, k=k, S=S, seen=seen, again=again):
        return (kind, f, pc, k, S, seen, again)

    q = shard(s, k)
    if pc == 0:
        yield dict(slot=("T", i, s["slot"] if s["slot"] and s["slot"][0] in "VN" else None)), at(1), "mark"
    elif pc == 1 and refused(q) and not R.get("an_ended_shard_hands_out_stamps"):
        yield from asks_home(s, k, at)
    elif pc == 1:
        S = q["clock"] + 1
        yield (
            changed(s, k, clock=S, owed=q["owed"] | {i}, gone=q["gone"] or kind == "D"),
            at(2, S=S, seen=(*q["pending"], q["flag"])),
            f"stamp {S} of shard {k}, pending {q['pending']}",
        )
    elif pc == 2:
        stamp, val = s["row"]
        if not s["alive"]:
            yield {}, at(3), "no such row"
        elif kind == "D":
            yield dict(row=(max(S, stamp), val), alive=False), at(3), f"delete {S}"
        elif stamp >= S:
            yield {}, at(1), "superseded: new stamp"
        else:
            for j in (0, 1):
                if seen[j] > stamp and (j == 0 or seen[1] != seen[2]):
                    val = put(val, j, origin(seen[j], s))
            yield dict(row=(S, put(val, f, S))), at(3), f"commit {S} {put(val, f, S)}"
    elif pc == 3:
        yield dict(slot=None), at(4), "empty the slot"
    elif pc == 4:
        names_1 = f == 1 or kind == "D"
        kept = tuple(
            0 if v and v < S and (j == 0 or v != q["flag"] or names_1) else v for j, v in enumerate(q["pending"])
        )
        flag = q["flag"] if kept[1] == q["flag"] else 0
        left = dict(q, pending=kept, flag=flag)
        claim = q["claim"] if any(unflagged(left)) else "dead" if any(kept) else None
        told = refused(q) and not R.get("a_settle_up_stays_in_the_old_shard")
        empties = q["flag"] and not flag
        owed = q["owed"] if empties and not told else q["owed"] - {i}
        ch = changed(s, k, pending=kept, flag=flag, claim=claim, owed=owed)
        if told:
            yield ch, at(6), f"settle up in shard {k}, which is not current"
        else:
            yield ch, at(3 if empties else 5), f"settle up in shard {k}"
    elif pc == 6:
        for _, nx, label in asks_home(s, k, at):
            yield {}, (*nx[:2], 4, *nx[3:]), label
    elif pc == 5:
        ch = dict(deleted=True) if kind == "D" else dict(acked=put(s["acked"], f, max(s["acked"][f], S)))
        yield ch, at("done"), f"ACK {S} field {f}"


def write_behind(x, s, i, R):
    kind, f, pc, k, S, base, value = x

    def at(pc=pc, k=k, S=S, base=base, value=value):
        return (kind, f, pc, k, S, base, value)

    slot, q = s["slot"], shard(s, k)
    if pc == 0:
        if slot and slot[0] == "V":
            yield {}, at(1, base=slot, value=slot[2]), f"base {slot}"
        elif not s["alive"]:
            yield {}, at("done"), "no such row"
        else:
            yield {}, at(1, base=None, value=None), "no base in the cache"
    elif pc == 1 and refused(q) and not R.get("an_ended_shard_takes_writes"):
        yield from asks_home(s, k, at)
    elif pc == 1:
        if q["gone"]:
            yield {}, at("done"), "refused: gone"
        elif q["state"] == "closing":
            yield {}, at("done"), "refused: goes write-through"
        else:
            S = max(q["clock"], base[1] if base else 0) + 1
            p = put(q["pending"], f, S)
            flag = 0 if f == 1 else q["flag"]
            v = value
            for j in (0, 1) if v is not None else ():
                if p[j] > (base[1] if base else 0) or (j == 1 and flag and p[1] == flag):
                    v = put(v, j, origin(p[j], s))
            claim = "list" if q["claim"] in (None, "dead") else q["claim"]
            yield (
                changed(s, k, clock=S, pending=p, flag=flag, claim=claim),
                at(2, S=S, value=v),
                f"enqueue {S} in shard {k}, pending {p}",
            )
    elif pc == 2:
        new = None
        if slot and slot[0] == "V":
            new = slot if slot[1] >= S else ("V", S, value) if value is not None and slot == base else None
        yield dict(slot=new), at(3), f"publish -> {new}"
    elif pc == 3:
        yield dict(acked=put(s["acked"], f, max(s["acked"][f], S))), at("done"), f"ACK {S} field {f}"


def read(x, s, i, R):
    kind, _, pc, k, lb, pending, got, lease = x

    def at(pc=pc, k=k, lb=lb, pending=pending, got=got, lease=lease):
        return (kind, 0, pc, k, lb, pending, got, lease)

    def verdict(value, lb):
        acked, deleted = lb
        if value is None:
            return "returns missing"
        stale = deleted or any(value[j] < acked[j] for j in (0, 1))
        return f"returns {value}" + (f"  STALE: acknowledged {lb}" if stale else "")

    slot, q = s["slot"], shard(s, k)
    if pc == 0:
        lb = (s["acked"], s["deleted"])
        held = slot if slot and slot[0] in "VN" else slot[2] if slot and slot[0] == "T" else None
        if held:
            yield {}, at("done"), "hit " + verdict(held[2], lb)
        else:
            yield (dict(slot=("L", i)) if slot is None else {}), at(1, lb=lb, lease=slot is None), "miss"
    elif pc in (1, 4) and refused(q) and not R.get("a_reader_trusts_an_old_shard"):
        for _, nx, label in asks_home(s, k, at):
            yield {}, (*nx[:2], 1, *nx[3:5], 0, 0, lease), label
    elif pc == 1:
        yield {}, at(2, pending=(*q["pending"], q["flag"])), f"shard {k}: pending {q['pending']}, flag {q['flag']}"
    elif pc == 2:
        if not s["alive"]:
            yield {}, at(3, got=None), "no row"
        elif 0 < pending[1] <= s["row"][0] and pending[1] != pending[2]:
            yield {}, at(4, got=s["row"]), f"row {s['row']}: has it {pending[1]}, or was that refused?"
        else:
            yield {}, at(3, got=overlay(s["row"], pending[:2], pending[2], s)), f"row {s['row']}"
    elif pc == 4:
        if q["pending"][1] != pending[1]:
            yield {}, at(1, pending=0, got=0), "asks again: gone, starts over"
        else:
            yield {}, at(3, got=overlay(got, pending[:2], q["flag"], s)), f"asks again: flag {q['flag']}"
    elif pc == 3:
        new = slot
        if lease and slot == ("L", i):
            new = ("N", -1, None) if got is None else ("V", *got)
        yield dict(slot=new), at("done"), f"fill -> {new}, " + verdict(got and got[1], lb)


def flush(x, s, i, R):
    """F and G: claim in any shard, commit, settle, acknowledge. It may go on in a shard that is no more."""
    kind, _, pc, k, p = x
    if pc == 0:
        for k in (0, 1) if s["flushes"] else ():
            q = shard(s, k)
            less = dict(flushes=s["flushes"] - 1)
            if q["claim"] == "list" and any(unflagged(q)):
                yield {**changed(s, k, claim=i), **less}, (kind, 0, 1, k, unflagged(q)), f"claim {unflagged(q)} in {k}"
            elif isinstance(q["claim"], int) and q["claim"] != i:
                yield {**changed(s, k, claim="list"), **less}, x, f"reap in {k}"
        return
    q = shard(s, k)
    if pc == 1:
        stamp, val = s["row"]
        if kind == "G" and s["alive"] and p[1] > stamp:
            yield {}, (kind, 0, 4, k, p), "refused"
            return
        if s["alive"] and stamp < max(p):
            for j in (0, 1):
                if p[j] > stamp:
                    val = put(val, j, origin(p[j], s))
            yield dict(row=(max(p), val)), (kind, 0, 2, k, p), f"commit {max(p)} {val}"
        else:
            yield {}, (kind, 0, 2, k, p), "superseded, or gone"
    elif pc == 2:
        slot = s["slot"]
        kept = slot if slot and slot[0] == "V" and slot[1] >= max(p) else None
        yield dict(slot=kept), (kind, 0, 3, k, p), "settle"
    elif pc == 3:
        left = tuple(0 if v and v <= max(p) and v != q["flag"] else v for v in q["pending"])
        waits = any(unflagged(q, left))
        claim = "list" if waits else "dead" if any(left) else None
        yield changed(s, k, pending=left, claim=claim), start(kind), f"ack {max(p)} in {k}, left {left}"
    elif pc == 4:
        flag = p[1] if q["pending"][1] == p[1] else q["flag"]
        left = dict(q, flag=flag)
        claim = "list" if any(unflagged(left)) else "dead" if any(q["pending"]) else None
        yield changed(s, k, flag=flag, claim=claim), start(kind), f"bury {p[1]} in {k}"


def retry(x, s, i, R):
    k = s["home"][0] if x[2] == 0 else x[3]
    q = shard(s, k)
    if x[2] == 0:
        yield {}, ("T", 0, 1, k, 0), f"finds shard {k}"
    elif refused(q) and not R.get("an_ended_shard_takes_a_retry"):
        yield {}, ("T", 0, "done", k, 0), "not current"
    elif q["flag"] and not q["owed"]:
        S = q["clock"] + 1
        ch = changed(s, k, clock=S, pending=put(q["pending"], 1, S), flag=0, claim="list" if q["claim"] == "dead" else q["claim"])
        yield {**ch, "again": (S, q["flag"])}, ("T", 0, "done", k, 0), f"retry at {S} in {k}"


def janitor(x, s, i, R):
    """Of the shards that are current: what was owed in the others has moved."""
    k = s["home"][0]
    q = shard(s, k)
    for w in sorted(q["owed"]):
        if R["_dead"](w) and not refused(q):
            yield {**changed(s, k, owed=q["owed"] - {w}), "slot": None}, ("J", 0, 0), f"empty the slot for {w}"


def empty(q, **ch):
    return dict(pending=NONE, flag=0, claim=None, owed=frozenset(), gone=False) | ch


def change(x, s, i, R):
    """X and Y. Each step in a shard is refused if a later run has been there; home is only ever changed from what was seen."""
    kind, _, pc, k, run, copy, seen = x

    def at(pc=pc, k=k, run=run, copy=copy, seen=seen):
        return (kind, 0, pc, k, run, copy, seen)

    current, under_way, n = s["home"]
    if pc == 0:
        if kind == "Y" and under_way == "to":
            yield dict(home=(current, "back", n + 1)), at(8, k=current, run=n + 1), f"run {n + 1}: takes it back"
        elif kind == "X" and under_way in ("", "to"):
            yield dict(home=(current, "to", n + 1)), at(1, k=current, run=n + 1), f"run {n + 1}: from {current}"
        elif kind == "X" and under_way == "opened":
            yield dict(home=(current, "opened", n + 1)), at(6, k=1 - current, run=n + 1), f"run {n + 1}: goes on, from {1 - current}"
        elif under_way == "back":
            yield dict(home=(current, "back", n + 1)), at(8, k=current, run=n + 1), f"run {n + 1}: goes on taking it back"
        else:
            yield {}, at("done"), "nothing to do"
        return
    old, new = shard(s, k), shard(s, 1 - k)
    fenced = not R.get("an_older_run_goes_on")

    def overtaken(q):
        return fenced and q["run"] > run

    if pc == 1:
        if overtaken(new):
            yield {}, at("done"), "overtaken"
        else:
            yield changed(s, 1 - k, **empty(new, state="filling", run=run)), at(2), f"prepare shard {1 - k}"
    elif pc == 2:
        if overtaken(old):
            yield {}, at("done"), "overtaken"
        else:
            yield changed(s, k, state="ended" if old["state"] == "ended" else "closing", run=run), at(3), f"close shard {k}"
    elif pc == 3:
        waits = any(unflagged(old)) or old["claim"] not in (None, "dead")
        if overtaken(old) or (fenced and old["state"] == "open"):
            yield {}, at("done"), "overtaken"
        elif R.get("a_new_shard_opens_beside_the_old"):
            yield {}, at(4), "not ended"
        elif not waits or R.get("a_shard_is_ended_before_it_has_drained"):
            yield changed(s, k, state="ended", run=run), at(4), f"end shard {k}"
    elif pc == 4:
        yield {}, at(5, copy=tuple(old.values())), f"reads what is left in {k}: {old}"
    elif pc == 5:
        q = dict(zip(SHARD, copy))
        if overtaken(new) or (fenced and (new["state"] != "filling" or new["run"] != run)):
            yield {}, at("done"), "overtaken"
            return
        p = (0, q["pending"][1] if q["flag"] else 0)
        moved = dict(pending=p, flag=q["flag"], claim="dead" if p[1] else None, owed=q["owed"], gone=q["gone"])
        if R.get("dead_letters_stay_behind"):
            moved |= dict(pending=NONE, flag=0, claim=None)
        if R.get("what_is_owed_stays_behind"):
            moved |= dict(owed=frozenset())
        clock = new["clock"] if R.get("a_clock_is_not_raised") else max(new["clock"], q["clock"])
        yield changed(s, 1 - k, clock=clock, **moved), at(9), f"moves {moved} to {1 - k}, clock {clock}"
    elif pc == 9:
        if s["home"] != (k, "to", run) and fenced:
            yield {}, at("done"), "overtaken"
        else:
            yield dict(home=(1 - k, "opened", run)), at(6), f"home: {1 - k} is current"
    elif pc == 6:
        if overtaken(new):
            yield {}, at("done"), "overtaken"
        else:
            yield changed(s, 1 - k, state="open", run=run), at(7), f"open shard {1 - k}"
    elif pc == 7:
        if s["home"] != (1 - k, "opened", run):
            yield {}, at("done"), "overtaken"
        else:
            yield dict(home=(1 - k, "", run)), at("done"), "home: done"
    elif pc == 8:
        if overtaken(old):
            yield {}, at("done"), "overtaken"
        else:
            yield changed(s, k, state="open", run=run), at(10), f"open shard {k} again"
    elif pc == 10:
        yield (dict(home=(k, "", run)) if s["home"] == (k, "back", run) else {}), at("done"), "home: as it was"


def start(name):
    kind, f = name[0], int(name[1]) if len(name) > 1 else 0
    if kind in "FG":
        return (kind, 0, 0, 0, NONE)
    if kind == "J":
        return (kind, 0, 0)
    if kind == "R":
        return (kind, 0, 0, 0, 0, 0, 0, False)
    if kind == "T":
        return (kind, 0, 0, 0, 0)
    return (kind, f, 0, 0, 0, None, None)


def successors(state, R):
    g, actors = state
    s = dict(zip(KEYS, g))

    def to(ch, i=None, x=None):
        d = dict(s, **ch)
        return tuple(d[k] for k in KEYS), (actors if i is None else (*actors[:i], x, *actors[i + 1 :]))

    slot = s["slot"]
    if slot and s["evicts"]:
        yield to(dict(slot=None, evicts=s["evicts"] - 1)), f"EVICT {slot}"
    if slot and slot[0] in "TL" and actors[slot[1]][2] in ("dead", "done"):
        yield to(dict(slot=None)), f"EXPIRE {slot}"
    steps = dict(W=write, D=write, B=write_behind, R=read, F=flush, G=flush, T=retry, J=janitor, X=change, Y=change)
    for i, x in enumerate(actors):
        kind, f, pc = x[:3]
        if pc in ("done", "dead"):
            continue
        if s["kills"] and pc != 0:
            back = start(kind) if kind in "FG" else (*start(f"{kind}{f}")[:2], "dead", *start(f"{kind}{f}")[3:])
            yield to(dict(kills=s["kills"] - 1), i, back), f"KILL {kind}{f}"
        rules = dict(R, _dead=lambda w: actors[w][2] == "dead")
        for ch, nx, label in steps[kind](x, s, i, rules):
            if nx[2] == "done":  # forget locals: fewer states
                nx = (*start(f"{kind}{f}")[:2], "done", *start(f"{kind}{f}")[3:])
            yield to(ch, i, nx), f"{kind}{f}[{i}] {label}"


def broken(state, label, R, at_rest):
    s, actors = dict(zip(KEYS, state[0])), state[1]
    if "STALE" in label:
        return label
    current, under_way, _ = s["home"]
    q = shard(s, current)
    if under_way in ("opened",) and q["state"] != "open":
        q = shard(s, 1 - current)  # it has what the other is about to show
    shown = overlay(s["row"], q["pending"], q["flag"], s)[1]
    if s["alive"] and any(shown[j] < s["acked"][j] for j in (0, 1)):
        return f"{label}  LOST: acknowledged {s['acked']}, row {s['row']}, pending {q['pending']}"
    if s["deleted"] and s["alive"]:
        return f"{label}  LOST: the delete"
    if any(unflagged(q)) and q["claim"] in (None, "dead"):
        return f"{label}  LOST: {q['pending']} is in no list"
    resting = all(x[2] in ("done", "dead") or (x[0] in "FGJT" and x[2] == 0) for x in actors) and under_way == ""
    if resting and q["state"] != "open":
        return f"{label}  SHUT: shard {current} is {q['state']}"
    waits = any(unflagged(q)) or any(actors[w][2] == "dead" for w in q["owed"])
    if at_rest and resting and not waits and s["slot"] and s["slot"][0] in "VN":
        v = s["slot"][2]
        if (v is None) == s["alive"] or (v is not None and v != shown):
            return f"{label}  DRIFT: cached {v}, row {s['row']}"
    return None


def check(actors, evicts=1, kills=1, flushes=2, at_rest=False, back=False, cap=5_000_000, **R):
    """Breadth-first search of every interleaving; returns (states, None | 'CAP' | trace).

    Args:
        back: the row is in the second shard to begin with, as after a change, and everybody has an old number.
    """
    idle = ("open", 0, NONE, 0, None, frozenset(), False, 0)
    none = ("ended", 0, NONE, 0, None, frozenset(), False, 0)
    began = (("V", 0, ZERO), (none, idle) if back else (idle, none), (int(back), "", 0), (0, ZERO), True, ZERO, False, NONE)
    init = ((*began, evicts, kills, flushes), tuple(start(a) for a in actors.split()))
    return search(init, lambda state: successors(state, R), lambda state, label: broken(state, label, R, at_rest), cap)


# Each rule that is removed, and who needs it.
MUTANTS = (
    ("B0 F X R", "a_reader_trusts_an_old_shard", dict(kills=0)),
    ("W1 X B0", "a_clock_is_not_raised", dict(kills=0)),
    ("B0 X R", "a_new_shard_opens_beside_the_old", dict(kills=0)),
    ("X B0 R", "an_ended_shard_takes_writes", dict(kills=0)),
    ("X B1 W0", "an_ended_shard_hands_out_stamps", dict(kills=0)),
    ("B0 X F", "a_shard_is_ended_before_it_has_drained", dict(kills=0)),
    ("B1 G X R", "dead_letters_stay_behind", dict(kills=0)),
    ("B1 G X W1", "a_settle_up_stays_in_the_old_shard", dict(kills=0)),
    ("B1 G X T", "an_ended_shard_takes_a_retry", dict(kills=0)),
    ("W0 R X J", "what_is_owed_stays_behind", dict(at_rest=True)),
    ("X X B0 R", "an_older_run_goes_on", dict(kills=0)),
)


if __name__ == "__main__":
    deep = "--deep" in sys.argv
    ok = True
    print("the number of shards changes: no stale read, nothing acknowledged lost (1 eviction, 1 kill)")
    few = ("X R R", "X B0 R", "X W0 R", "X B0 F", "X D R", "X D B0", "X W0 B1", "X X B0", "X X R", "X Y B0", "X Y R", "X Y W0")
    many = ("X B0 F R", "X W0 B1 R", "X X B0 R", "X Y B0 R", "X X W0 R", "X B0 B1 F", "X B1 G R", "X B1 G W1", "X X D R", "X X X B0", "X X Y B0")
    for actors in few + (many if deep else ()):
        ok &= show(check, actors, actors)
        ok &= show(check, f"{actors}, everybody has an old number", actors, back=True)
    print("without a kill, more of them")
    for actors in ("X B0 F R", "X W0 B1 R", "X X B0 R", "X Y B0 R", "X B1 G R", "X B1 G W1", "X B1 G T F"):
        ok &= show(check, actors, actors, kills=0)
    print("at rest, one kill anywhere")
    for actors in ("X W0 R J", "X B0 F J", "X W0 X J"):
        ok &= show(check, f"{actors}, at rest", actors, evicts=0, at_rest=True)
    print("mutants: each must fail")
    for actors, mutant, more in MUTANTS:
        ok &= show(check, f"{mutant}: {actors}", actors, must_fail=True, **{mutant: True}, **more)
    sys.exit(not ok)
