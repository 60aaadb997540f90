"""The bugs that the suite must catch: each is a wrong line put into a copy of the project, and the test that fails.

    python tests/mutants.py            all of them, one at a time; ends with 1 if one survives
    python tests/mutants.py publish    those whose name contains the word

Those of test_races.py are the mutants of the protocol's model (protocol_model.py), each forced by its own trace.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 2
TIMEOUT = 240  # seconds for one test
COPIED = ("cachedemo", "config", "users", "playground", "demo", "tests", "manage.py", "pyproject.toml", ".env.example")


class Change(NamedTuple):
    file: str
    old: str
    new: str


class Mutant(NamedTuple):
    """What is broken, and the test that must fail then, as pytest names it; tests/test_mutants.py checks the names."""

    name: str
    test: str
    changes: tuple[Change, ...]


def mutant(name: str, test: str, *changes: tuple[str, str, str]) -> Mutant:
    return Mutant(name, test, tuple(Change(f"cachedemo/{file}", old, new) for file, old, new in changes))


RACES = "tests/races/test_races.py::"
FAILOVERS = "tests/races/test_failover_races.py::"
SENTINELS = "tests/faults/test_sentinels.py::"
GREETING = "tests/cachedemo/servers/test_greeting.py::"
KILLS = "tests/faults/test_kill_matrix.py::"
CLAIMS = "tests/faults/test_claims.py::"
NEW_TABLES = "tests/cachedemo/operations/test_new_tables.py::"
PACKED = "tests/cachedemo/protocol/test_packed_rows.py::"
SAVES = "tests/cachedemo/patterns/test_saving.py::"
CACHE = "tests/faults/test_cache_faults.py::"
BREAKER = "tests/cachedemo/servers/test_breaker.py::"
DATABASES = "tests/cachedemo/test_databases.py::"
TEST_RUNS = "tests/cachedemo/servers/test_test_runs.py::"
TEST_MAKING = "tests/cachedemo/servers/test_test_making.py::"
TEST_HOOKS = "tests/cachedemo/protocol/test_test_hooks.py::"
TESTING = "tests/cachedemo/testing/test_mixin.py::"
TRIPS = "tests/cachedemo/testing/test_trips.py::"
OTEL = "tests/cachedemo/tracing/test_otel.py::"
EVENTS = "tests/cachedemo/protocol/test_events.py::"
METRICS = "tests/cachedemo/operations/test_metrics.py::"
VIEWS = "tests/cachedemo/views/test_mixins.py::"
OVERRIDES = "tests/cachedemo/test_override_settings.py::"
ODD = "tests/cachedemo/test_odd_writes.py::"
ODD_TRANSACTIONS = "tests/cachedemo/test_odd_transactions.py::"
EXPRESSIONS = "tests/cachedemo/patterns/test_expressions.py::"
MANAGERS = "tests/cachedemo/test_managers.py::"
MANY = "tests/cachedemo/patterns/test_many_rows.py::"
FLAGGED = "tests/cachedemo/protocol/test_flagged_fields.py::"
INCREMENTS = "tests/cachedemo/patterns/test_increments.py::"
INCREMENT_RACES = "tests/races/test_increment_races.py::"
REFUSED_RACES = "tests/races/test_refused_races.py::"
REFUSALS = "tests/cachedemo/protocol/test_refusals.py::"
TABLES = "tests/cachedemo/checks/test_tables.py::"
TRIGGERS = "tests/cachedemo/protocol/test_triggers.py::"
HIDDEN = "tests/cachedemo/protocol/test_row_filter.py::"
CONDITIONS = "tests/cachedemo/protocol/test_manager_conditions.py::"
HIDDEN_ADMIN = "tests/cachedemo/admin/test_hidden_rows.py::"
STAMPS = "tests/cachedemo/protocol/test_stamps.py::"
RESTORED = "tests/faults/test_restored_queue.py::"
PERSISTENCE = "tests/cachedemo/servers/test_cache_persistence.py::"
CLUSTER = "tests/cachedemo/servers/test_cluster.py::"
CLOCKS = "tests/faults/test_wall_clocks.py::"
NOBODYS = "tests/cachedemo/protocol/test_unknown_fields.py::"
OWED = "tests/cachedemo/protocol/test_owed.py::"
VERSIONS = "tests/cachedemo/protocol/test_versions.py::"
UNKNOWN = "tests/cachedemo/protocol/test_unknown_outcomes.py::"
NETWORK = "tests/faults/test_network_faults.py::"
KEYS = "tests/cachedemo/protocol/test_primary_keys.py::"
REFILING = "tests/cachedemo/protocol/test_refiling.py::"
VALUES = "tests/cachedemo/protocol/test_values.py::"
OVERTAKEN = "tests/cachedemo/protocol/test_overtaken.py::"
FIELDS = "tests/cachedemo/protocol/test_every_field.py::"
INSERTED = "tests/cachedemo/patterns/test_inserted_values.py::"
OWN_FIELDS = "tests/cachedemo/protocol/test_field_codecs.py::"
REGISTRATION = "tests/cachedemo/test_registration.py::"
NEAR_FAULTS = "tests/faults/test_near_faults.py::"
NEAR_RACES = "tests/races/test_near_races.py::"
NEAR = "tests/cachedemo/protocol/test_near.py::"
NEAR_LOOKUPS = "tests/cachedemo/protocol/test_near_lookups.py::"
MOVES = "tests/cachedemo/servers/test_near_moves.py::"
LOOKUP_RACES = "tests/races/test_lookup_races.py::"
HINTS = "tests/cachedemo/protocol/test_hints.py::"
LOOKUPS = "tests/cachedemo/protocol/test_lookup_reads.py::"
LOOKUP_FIELDS = "tests/cachedemo/protocol/test_lookup_fields.py::"
KEY_CHECKS = "tests/cachedemo/test_key_checks.py::"
ADDRESSES = "tests/cachedemo/protocol/test_database_addresses.py::"
SHARDS, SHARD_RACES = "tests/cachedemo/operations/test_shard_change.py::", "tests/races/test_shard_races.py::"
SWITCH, SWITCH_RACES = "tests/cachedemo/operations/test_switch.py::", "tests/races/test_switch_races.py::"
NOTHING_WAITS = "if redis.call('EXISTS', PENDING) == 1 then return 'WAITS' end\n"
STAYS_EMPTY = "if slot then  -- an empty slot stays empty: a newer value may just have been evicted"
IS_MINE = "slot:sub(1, 17) == 'T' .. ARGV[1] then"

MUTANTS = [
    mutant(
        "publish_over_nil",
        RACES + "test_a_queued_write_is_not_published_over_an_evicted_slot",
        (
            "protocol/lua/publish.lua",
            STAYS_EMPTY,
            "if not slot then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) elseif slot then",
        ),
    ),
    mutant(
        "publish_over_any",
        RACES + "test_a_queued_write_is_published_over_its_own_base_only",
        (
            "protocol/lua/publish.lua",
            "if slot == ARGV[2] then",
            "if slot == ARGV[2] or (slot:sub(1, 1) == 'V' and slot:sub(2, 17) < ARGV[1]) then",
        ),
    ),
    mutant(
        "publish_own_only",
        RACES + "test_a_queued_write_publishes_all_that_waits",
        (
            "patterns/write_behind.py",
            "base.stamp, pending)",
            "base.stamp, {name: field for name, field in pending.items() if field[0] == queued.stamp})",
        ),
    ),
    mutant(
        "publish_spares_mark",
        RACES + "test_a_queued_write_empties_a_slot_that_is_marked",
        ("protocol/lua/publish.lua", "elseif type(slot)", "elseif slot:sub(1, 1) == 'T' then\n  elseif type(slot)"),
    ),
    mutant(
        "finish_over_nil",
        RACES + "test_a_committed_write_leaves_an_empty_slot_empty",
        (
            "protocol/lua/finish.lua",
            STAYS_EMPTY,
            "if not slot and ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) elseif slot then",
        ),
    ),
    mutant(
        "finish_spares_newer",
        RACES + "test_a_committed_write_empties_a_slot_that_looks_newer",
        (
            "protocol/lua/finish.lua",
            "  else\n",
            "  elseif slot:sub(1, 1) ~= 'V' or slot:sub(1, 17) < ARGV[2]:sub(1, 17) then\n",
        ),
    ),
    mutant(
        "settle_spares_lease",
        RACES + "test_a_committed_write_takes_a_lease_away",
        ("protocol/lua/finish.lua", "  else\n", "  elseif slot:sub(1, 1) ~= 'L' then\n"),
    ),
    mutant(
        "settle_spares_mark",
        RACES + "test_a_committed_write_takes_another_writers_mark_away",
        ("protocol/lua/finish.lua", "  else\n", "  elseif slot:sub(1, 1) ~= 'T' then\n"),
    ),
    mutant(
        "blind_ack",
        RACES + "test_an_acknowledgement_drops_only_what_was_flushed",
        ("protocol/lua/ack.lua", "is_packed(text) and text:sub(2, 17) <= flushed", "is_packed(text)"),
    ),
    mutant(
        "blind_ack_of_a_hash",
        PACKED + "test_of_a_hash_too",
        ("protocol/lua/ack.lua", "if fields[i]:sub(1, 16) > flushed then return false end", ""),
    ),
    mutant(
        "packs_for_an_old_release",
        PACKED + "test_while_an_old_release_is_live_nothing_is_packed",
        (
            "protocol/lua/enqueue.lua",
            "if adds or #ARGV < 5 or not all_know('\"packed\"') then",
            "if adds or #ARGV < 5 then",
        ),
    ),
    mutant(
        "a_field_that_is_written_again_gets_another_line",
        PACKED + "test_a_field_that_is_written_again_stands_there_once",
        (
            "protocol/lua/enqueue.lua",
            "if first then return first + 2, body:find",
            "if false then return first + 2, body:find",
        ),
    ),
    mutant(
        "a_hash_is_not_asked_for",
        PACKED + "test_what_an_old_release_has_left_is_read_and_flushed",
        ("protocol/queue.py", "not (row is None or is_packed(row))", "False"),
    ),
    mutant(
        "an_increment_forgets_what_is_packed",
        PACKED + "test_values_are_packed_and_an_increment_makes_a_hash_of_them",
        ("protocol/lua/rows.lua", "    redis.call('HSET', row(pk), unpack(raw))\n", ""),
    ),
    mutant(
        "a_line_that_is_none_of_ours_is_left_out",
        PACKED + "test_what_only_begins_like_a_packed_row_stops_nobody",
        ("protocol/lua/rows.lua", "return lines > 0 and #fields == 2 * lines and fields or nil", "return fields"),
    ),
    mutant(
        "source_first",
        RACES + "test_a_reader_asks_for_what_is_pending_before_the_row",
        (
            "protocol/loading.py",
            "        waiting, may_fill_these = _pending(table, left)  # before the rows: a flush between the two is in them\n"
            "        rows = select_rows(table, left, waiting)\n",
            "        rows = select_rows(table, left, {})\n        waiting, may_fill_these = _pending(table, left)\n",
        ),
    ),
    mutant(
        "pending_beats_row",
        RACES + "test_a_waiting_field_older_than_the_row_is_not_shown",
        ("protocol/codec.py", "if field[0] > stamp}", "if field[0]}"),
        ("protocol/lua/rows.lua", "return stamp < written and", "return false and"),
    ),
    mutant(
        "a_late_mark_lies_over_any_value",
        RACES + "test_a_mark_after_the_stamp_hides_no_newer_value",
        ("protocol/slot_format.py", ' and beginning[1:_HEADER] < b"%016d" % stamp', ""),
    ),
    mutant(
        "a_late_mark_is_trusted",
        RACES + "test_nor_one_that_was_evicted",
        ("protocol/database_write.py", "if is_certain or self._is_told_the_same() else", "if True else"),
    ),
    mutant(
        "a_late_mark_asks_for_no_version",
        RACES + "test_a_mark_after_the_stamp_fills_no_version_that_is_being_deleted",
        ("protocol/database_write.py", " and announced == self.stamped.announced", ""),
    ),
    mutant(
        "a_late_mark_lies_over_another_servers_value",
        "tests/cachedemo/protocol/test_slot_format.py::test_only_a_value_of_this_server_is_known_to_be_older",
        ("protocol/slot_format.py", "and names_it and", "and"),
    ),
    mutant(
        "a_write_that_fills_without_a_mark",
        RACES + "test_a_committed_write_replaces_nothing_but_its_own_mark",
        ("protocol/synchronous.py", "    elif fills:", "    elif False:"),
        ("protocol/lua/finish.lua", "slot:sub(1, 17) == 'T' .. ARGV[1]", "true"),
    ),
    mutant(
        "without_a_queue_nothing_ends_what_a_dying_writer_leaves",
        "tests/cachedemo/protocol/test_no_queue.py"
        "::test_what_a_writer_leaves_that_dies_after_its_commit_lasts_no_longer_than_its_mark",
        ("protocol/synchronous.py", "    if not table.queue.is_shared:", "    if False:"),
    ),
    mutant(
        "ignore_pending",
        RACES + "test_a_source_write_writes_what_waits_too",
        ("protocol/synchronous.py", "fields = carried | {", "fields = {"),
    ),
    mutant(
        "flush_whole",
        RACES + "test_a_flush_writes_each_field_by_its_own_stamp",
        (
            "protocol/flush_batch.py",
            "(claim.pk, claim.fields, claim.stamp)",
            "(claim.pk, {n: (claim.stamp, v) for n, (_, v) in claim.fields.items()}, claim.stamp)",
        ),
    ),
    mutant(
        "create_without_mark",
        RACES + "test_a_created_row_is_marked_before_its_commit",
        ("protocol/synchronous.py", "        write.mark()\n        if (row", "        if (row"),
        (
            "protocol/lua/finish.lua",
            STAYS_EMPTY,
            "if ARGV[2] ~= '' and (not slot or slot:sub(1, 1) == 'N') then\n"
            "  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\nelseif slot then",
        ),
    ),
    mutant(
        "flush_without_settle",
        RACES + "test_a_flush_empties_slots_that_may_be_older",
        ("protocol/flush.py", "    _settle(table, stamps, live)\n", ""),
    ),
    mutant(
        "dead_stays_dead",
        "tests/cachedemo/protocol/test_flush.py::test_one_refused_row_ends_as_a_dead_letter_alone",
        ("protocol/lua/enqueue.lua", "if is_in_line_now and not was_in_line then", "if not waiting then"),
    ),
    mutant(
        "a_copy_waits_for_another_commit",
        ODD + "test_a_copy_that_was_made_before_the_commit_puts_nothing_back[pickled]",
        ("protocol/on_commit.py", "    finish = _pickled.get(token)\n", "    finish = None\n"),
    ),
    mutant(
        "a_named_save_shows_over_changes",
        ODD + "test_a_named_save_leaves_what_the_instance_has_changed_and_did_not_name",
        ("patterns/saving.py", "if self.loaded and name in shown and unchanged(", "if True or unchanged("),
    ),
    mutant(
        "another_key_counts_as_deleted",
        ODD + "test_an_instance_with_another_key_is_inserted",
        ("patterns/save_state.py", "is not None and not has_another_key(instance)", "is not None"),
    ),
    mutant(
        "a_row_of_another_database_counts_as_deleted",
        DATABASES + "test_a_copy_to_a_database_that_has_no_such_row_is_inserted_there",
        ("patterns/save_state.py", "is_of_there = aliases.holds_the_row(instance, using)", "is_of_there = True"),
    ),
    mutant(
        "a_copy_that_was_rolled_back_counts_as_loaded_there",
        DATABASES + "test_a_copy_that_was_rolled_back_is_written_whole_when_it_is_saved_again",
        ("patterns/saving.py", "            save_state.forget(self.instance)", "            pass"),
    ),
    mutant(
        "copies_of_many_rows_that_were_rolled_back_count_as_loaded_there",
        DATABASES + "test_copies_of_many_rows_that_were_rolled_back_are_saved_one_by_one",
        ("patterns/bulk_insert.py", "                save_state.forget(copy)", "                pass"),
    ),
    mutant(
        "a_bulk_update_of_another_database_counts_as_saved",
        DATABASES + "test_what_a_bulk_update_wrote_to_another_database_is_still_a_change_of_the_row_that_was_loaded",
        ("managers.py", "(each for each in objs if aliases.holds_the_row(each, self.db))", "objs"),
    ),
    mutant(
        "what_another_database_did_not_reload_counts_as_loaded_there",
        DATABASES + "test_what_was_not_reloaded_from_another_database_is_written_to_it",
        ("models.py", "            save_state.forget(self)", "            pass"),
    ),
    mutant(
        "what_is_refused_at_commit_is_not_asked_for",
        "tests/cachedemo/protocol/test_deferred_constraints.py::test_a_save_goes_on",
        ("protocol/flagged_fields.py", "is not None and at_commit:", "is not None and False:"),
    ),
    mutant(
        "an_update_is_cut_into_pieces_that_name_all_keys",
        MANAGERS + "test_more_rows_than_one_statement_can_name_are_updated",
        (
            "patterns/bulk_update.py",
            "        database.restamp(table, Q(pk__in=write.pks), write.stamp)",
            "        pass",
        ),
    ),
    mutant(
        "an_alias_is_not_in_the_key",
        DATABASES + "test_the_keys_have_the_alias_where_it_is_not_the_default_one",
        ("protocol/aliases.py", "    return name if alias == DEFAULT_DB_ALIAS else", "    return name if True else"),
    ),
    mutant(
        "a_flush_asks_the_router",
        DATABASES + "test_a_write_is_flushed_into_the_database_that_it_was_for",
        (
            "registry.py",
            '            return _of_database(cache, using)\n    raise NotRegistered(f"No registered cache',
            '            return cache_for(cache.model)\n    raise NotRegistered(f"No registered cache',
        ),
    ),
    mutant(
        "nobody_notes_a_database",
        DATABASES + "test_operators_see_every_database_that_was_announced",
        (
            "protocol/versions.py",
            "known = announced_tables.announce(table) if table.queue.is_shared else None",
            "known = None",
        ),
    ),
    mutant(
        "a_replica_is_another_row",
        DATABASES + "test_a_row_that_was_read_from_a_replica_is_saved_as_what_it_is",
        ("protocol/aliases.py", "    return alias == router.db_for_read(model) and", "    return False and"),
    ),
    mutant(
        "a_deletion_asks_the_router",
        DATABASES + "test_a_deletion_is_of_the_row_in_the_database_that_was_named",
        ("protocol/synchronous.py", "instance.delete(using=table.using)", "instance.delete()"),
    ),
    mutant(
        "a_reference_is_where_the_router_says",
        DATABASES + "test_a_reference_is_looked_up_beside_the_row_or_where_the_router_says",
        ("protocol/cleaning.py", "        if not _is_beside(field):", "        if True:"),
    ),
    mutant(
        "a_test_run_has_the_developers_keys",
        TEST_RUNS + "test_a_database_of_another_name_is_a_test_run_too",
        ("servers/key_prefix.py", "if test_runs.is_under_way(using) else configured", "if False else configured"),
    ),
    mutant(
        "a_flush_of_the_tables_leaves_the_keys",
        TEST_RUNS + "test_each_test_begins_empty_and_nothing_of_a_developer_is_touched[arguments0]",
        ("servers/test_runs.py", "    BaseDatabaseOperations.execute_sql_flush = execute_sql_flush", "    pass"),
    ),
    mutant(
        "a_process_that_is_not_forked_leaves_the_keys",
        TEST_RUNS + "test_so_does_each_in_a_process_that_is_not_forked",
        ("servers/test_runs.py", "    if _begun:  # a process", "    if False:  # a process"),
    ),
    mutant(
        "a_flush_of_the_tables_leaves_copies",
        NEAR + "test_a_test_that_begins_with_empty_tables_has_no_copies",
        ("protocol/near_copies.py", "test_runs.when_emptied(COPIES.forget_all)", "pass"),
    ),
    mutant(
        "a_run_of_another_container_counts_as_ended",
        TEST_RUNS + "test_a_run_of_another_container_is_not_taken_for_ended",
        ("servers/test_sweeping.py", "{host}-{_namespace()}.", "{host}."),
    ),
    mutant(
        "a_rolled_back_test_leaves_its_keys",
        TEST_RUNS + "test_each_test_begins_empty_and_nothing_of_a_developer_is_touched[arguments0]",
        ("servers/test_runs.py", "    if not states:\n", "    if True:\n"),
    ),
    mutant(
        "nobody_sweeps_after_a_killed_run",
        TEST_RUNS + "test_the_next_run_sweeps_what_a_killed_one_has_left",
        ("servers/test_runs.py", "            test_sweeping.sweep_dead(os.environ[RUN])\n", "            pass\n"),
    ),
    mutant(
        "a_class_leaves_its_tests_nothing_that_waits",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        ("servers/test_class_queue.py", "    if copy:\n", "    if False:\n"),
    ),
    mutant(
        "a_read_in_a_testcase_fills_nothing",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        ("protocol/transactions.py", "in_transaction(using) and not is_of_testcase(using)", "in_transaction(using)"),
    ),
    mutant(
        "a_save_in_a_testcase_waits_for_its_commit",
        TEST_HOOKS + "test_outside_of_a_block_the_projects_own_hooks_are_all_there_are",
        ("protocol/on_commit.py", "in_atomic_block or transactions.is_of_testcase(using):", "in_atomic_block:"),
    ),
    mutant(
        "a_block_that_ended_in_a_testcase_is_not_finished",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        ("protocol/on_commit.py", " if transactions.is_of_testcase(using) else ()", "[:0]"),
    ),
    mutant(
        "an_eviction_in_a_testcase_waits_for_its_commit",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        ("protocol/transactions.py", "    if is_of_testcase(using):\n        call()", "    if False:\n        call()"),
    ),
    mutant(
        "a_write_through_a_cache_leaves_a_hook_in_a_testcase",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        ("protocol/transactions.py", "            if commits:\n", "            if True:\n"),
    ),
    mutant(
        "hooks_of_ours_are_captured",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        (
            "testing/commit_hooks.py",
            " for _, callback, _ in new if not isinstance(callback, Finish)]",
            " for _, callback, _ in new]",
        ),
    ),
    mutant(
        "hooks_are_captured_by_position",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        (
            "testing/commit_hooks.py",
            "if id(hook[0]) not in ids]",
            "][len(known):]",
        ),
    ),
    mutant(
        "hooks_of_ours_are_captured_in_a_testcase",
        TEST_HOOKS + "test_whatever_writes_in_a_block_adds_no_hook",
        ("protocol/on_commit.py", "    if test_hooks.are_kept(connection):\n", "    if False:\n"),
    ),
    mutant(
        "a_savepoint_of_a_test_takes_no_finish_back",
        TEST_HOOKS + "test_what_a_savepoint_has_taken_back_is_never_finished",
        ("protocol/test_hooks.py", "        _keep_only(self, lambda hook: sid not in hook[0])\n", "        pass\n"),
    ),
    mutant(
        "a_testcase_without_djangos_runner_has_the_developers_keys",
        TEST_RUNS + "test_a_test_that_djangos_runner_does_not_run_touches_nothing_either",
        ("servers/test_runs.py", " or not _is_in_a_testcase(using)):", " or True):"),
    ),
    mutant(
        "a_test_database_is_made_with_all_steps",
        TEST_MAKING + "test_it_needs_no_server[arguments0]",
        ("servers/test_runs.py", "    if test_making.is_under_way(using):\n", "    if False:\n"),
    ),
    mutant(
        "a_test_database_that_is_made_twice_has_the_keys_of_the_first",
        TEST_MAKING + "test_a_database_that_is_made_twice_begins_empty",
        ("servers/test_runs.py", "    if _begun:\n        _empty(using)\n", "    pass\n"),
    ),
    mutant(
        "a_flush_of_the_tables_leaves_what_was_announced",
        TESTING + "test_the_tests_of_a_project_pass[memory-one process]",
        ("servers/test_runs.py", "                call()\n", "                pass\n"),
    ),
    mutant(
        "settings_of_an_import_lead_to_other_servers",
        TESTING + "test_a_class_can_start_servers_under_any_runner[one process]",
        ("testing/servers.py", 'if setting == "CACHEDEMO" and enter:', "if False:"),
    ),
    mutant(
        "settings_that_change_reach_no_open_client",
        OVERRIDES + "test_it_takes_effect_at_once_and_goes_back[QUEUE_URL]",
        ("servers/roles.py", '    if setting == "CACHEDEMO":\n', "    if False:\n"),
    ),
    mutant(
        "the_size_of_the_pool_stays_as_it_was",
        OVERRIDES + "test_it_takes_effect_at_once_and_goes_back[POOL_SIZE]",
        ("conf.py", '"POOL_SIZE", "KEEPALIVE", "BREAKER_FAILURES", ', '"KEEPALIVE", "BREAKER_FAILURES", '),
    ),
    mutant(
        "a_client_that_a_reset_has_overtaken_is_kept",
        "tests/cachedemo/servers/test_roles.py::test_a_client_that_a_reset_has_overtaken_is_not_kept",
        ("servers/server.py", "                if self._opening is not opening:", "                if False:"),
    ),
    mutant(
        "what_the_server_of_before_did_counts",
        "tests/cachedemo/servers/test_roles.py::test_a_command_that_fails_after_a_reset_says_nothing_of_the_server_of_now",
        ("servers/server.py", "        breaker = self.breaker\n        try:", "        breaker = None\n        try:"),
        ("servers/server.py", "            if breaker.troubled:\n", "            if self.breaker.troubled:\n"),
        (
            "servers/server.py",
            "        if breaker is not self.breaker:\n            return found\n",
            "        breaker = self.breaker\n",
        ),
    ),
    mutant(
        "trips_are_lost_when_the_address_changes",
        TRIPS + "test_blocks_can_be_inside_each_other_and_around_a_change_of_address",
        ("servers/server.py", "self.cover(client) if self.cover is not None else client", "client"),
    ),
    mutant(
        "what_a_process_does_once_is_counted",
        TRIPS + "test_what_a_process_does_once_is_not_counted",
        ("testing/trips.py", " and not _is_made_once(step):", ":"),
    ),
    mutant(
        "each_reader_in_a_loop_goes_to_a_thread",
        "tests/cachedemo/patterns/test_async_twins.py::test_of_the_readers_of_a_cold_row_one_goes_to_a_thread",
        (
            "protocol/async_reads.py",
            "        if (ended := loop.loading.get(key)) is None:",
            "        if ended := True:",
        ),
    ),
    mutant(
        "a_loop_reads_a_primary_that_nobody_confirms",
        "tests/cachedemo/servers/test_loop_reads.py::test_a_primary_that_nobody_confirms_is_left_to_the_threads",
        ("servers/sentinels.py", "            sentinels.leads_to = None\n", ""),
    ),
    mutant(
        "a_loop_reads_under_a_transaction",
        "tests/cachedemo/patterns/test_async_twins.py::test_a_read_sees_what_its_transaction_has_written",
        (
            "protocol/async_reads.py",
            "(on_commit.is_anything_under_way() and on_commit.is_being_written(table, [pk]))",
            "False",
        ),
    ),
    mutant(
        "a_write_that_was_rolled_back_is_under_way_for_ever",
        "tests/cachedemo/patterns/test_async_twins.py::test_a_write_that_was_rolled_back_sends_no_reader_to_a_thread",
        ("protocol/on_commit.py", "not each.done and each.may_commit() for", "not each.done for"),
    ),
    mutant(
        "a_cache_that_takes_no_writes_is_read",
        "tests/faults/test_refusing_servers.py::test_each_call_does_what_it_says_or_is_unavailable"
        "[cache-too few replicas]",
        ("servers/server.py", "self.is_cache and takes_no_writes(error)", "False"),
    ),
    mutant(
        "a_cache_that_takes_no_writes_is_back",
        "tests/faults/test_refusing_servers.py::test_it_is_of_use_again_once_it_takes_writes",
        ("servers/server.py", "            self._script(MAY_WRITE, (), ())", '            self._command(["PING"])'),
    ),
    mutant(
        "nobody_looks_whether_the_cache_takes_writes",
        "tests/faults/test_refusing_servers.py::test_who_only_reads_notices_a_cache_that_takes_no_writes",
        ("servers/server.py", "            self._run(self._script, MAY_WRITE, (), ())", "            pass"),
    ),
    mutant(
        "copies_of_a_server_that_takes_no_writes",
        "tests/cachedemo/servers/test_near_moves.py::test_copies_of_a_server_that_takes_no_writes_are_none"
        "[too few replicas]",
        ("servers/server_health.py", '[_MAY_WRITE, (("HELLO",)', '[(("HELLO",)'),
    ),
    mutant(
        "a_turn_of_a_loop_is_never_over",
        "tests/cachedemo/patterns/test_async_twins.py"
        "::test_what_is_the_same_for_all_readers_of_a_turn_is_looked_at_again_in_the_next",
        (
            "servers/loop_reads.py",
            "            asyncio.get_running_loop().call_soon(self.turns.clear)\n",
            "            pass\n",
        ),
    ),
    mutant(
        "ctrl_c_leaves_leases",
        "tests/cachedemo/protocol/test_reads.py::test_ctrl_c_gives_the_leases_back",
        ("protocol/leases.py", "(Exception, KeyboardInterrupt, SystemExit)", "(Exception,)"),
    ),
    mutant(
        "what_is_owed_is_said_to_be_empty",
        "tests/cachedemo/management/test_rows_by_hand.py"
        "::test_slots_that_could_not_be_emptied_are_not_said_to_be_empty",
        ("protocol/owed.py", "        left += len(step.owed)\n", ""),
    ),
    mutant(
        "what_says_itself_what_it_takes_is_named",
        "tests/cachedemo/checks/test_constraints.py::test_a_field_that_says_it_itself_is_named_no_more_and_refuses_at_once",
        ("checks/constraints.py", " and not (len(named) == 1 and _is_checked(field))", ""),
    ),
    mutant(
        "switched_off_reads_the_cache",
        "tests/cachedemo/test_switched_off.py::test_a_change_past_cachedemo_is_read_at_once",
        (
            "conf.py",
            'if enabled is True or _switch("ENABLED", configured) else None',
            "if True else None",
        ),
    ),
    mutant(
        "a_closed_queue_says_what_is_announced",
        SWITCH_RACES + "test_a_reader_under_way_fills_nothing_that_outlives_the_sweep",
        ("protocol/queue.py", "told = raised(answers[-2]) or raised(answers[-1])", "told = raised(answers[-1])"),
    ),
    mutant(
        "a_reader_trusts_an_old_shard",
        SHARD_RACES + "test_a_reader_with_an_old_number_finds_what_waits",
        (
            "protocol/queue.py",
            "        self._current(NOT_OPEN if self.is_shard and raised(answers[-3]) is None else told)\n",
            "",
        ),
    ),
    mutant(
        "a_clock_is_not_raised",
        SHARDS + "test_stamps_of_the_new_shards_are_above_those_of_the_old",
        ("protocol/lua/fill_shard.lua", "digits(math.max(tonumber(ARGV[2]), ", "digits(math.max(0, "),
    ),
    mutant(
        "a_new_shard_opens_beside_the_old",
        SHARD_RACES + "test_a_reader_with_an_old_number_finds_what_waits",
        (
            "protocol/lua/end_shard.lua",
            "  if IS_SHARD then redis.call('DEL', OPENED) else redis.call('SET', CLOSED, ARGV[2]) end\n",
            "",
        ),
    ),
    mutant(
        "an_ended_shard_takes_writes",
        SHARD_RACES + "test_what_is_queued_by_an_old_number_waits_where_all_look",
        ("protocol/lua/moved_shard.lua", "if redis.call('EXISTS', OPENED) == 0 then", "if false then"),
    ),
    mutant(
        "an_ended_shard_hands_out_stamps",
        SHARD_RACES + "test_a_writer_with_an_old_number_carries_what_waits",
        (
            "protocol/queue.py",
            "        self._current(announced)\n        return Stamp(",
            "        return Stamp(",
        ),
    ),
    mutant(
        "a_shard_is_ended_before_it_has_drained",
        SHARD_RACES + "test_nothing_waits_in_a_shard_that_is_ended",
        ("protocol/lua/end_shard.lua", "  if redis.call('EXISTS', QUEUE, CLAIMED) > 0 then return 'WAITS' end\n", ""),
    ),
    mutant(
        "dead_letters_stay_behind",
        SHARDS + "test_dead_letters_move_and_are_retried_where_they_are_then",
        ("operations/shard_change.py", "for pk, letter in dead.items():", "for pk, letter in ():"),
    ),
    mutant(
        "a_settle_up_stays_in_the_old_shard",
        SHARD_RACES + "test_a_writer_that_has_its_stamp_settles_up_in_the_new_shard",
        (
            "protocol/queue.py",
            "        self._current(announced)\n        return Settled(",
            "        return Settled(",
        ),
    ),
    mutant(
        "an_ended_shard_takes_a_retry",
        SHARD_RACES + "test_a_dead_letter_is_retried_where_it_is_by_then",
        ("protocol/lua/moved.lua", """if note and note:sub(1, 9) == '{"shards"' then""", "if false then"),
    ),
    mutant(
        "what_is_owed_stays_behind",
        SHARDS + "test_a_writer_under_way_stays_owed_and_settles_up_where_its_row_is_then",
        ("operations/shard_change.py", "for member, deadline in owed:", "for member, deadline in ():"),
    ),
    mutant(
        "an_older_run_goes_on",
        SHARD_RACES + "test_an_older_run_clears_nothing_and_opens_nothing",
        ("protocol/lua/change.lua", "> tonumber(run) then return true end", "> tonumber(run) then return false end"),
    ),
    mutant(
        "one_stamp_is_that_of_each_shard",
        SHARDS + "test_one_stamp_is_above_the_clocks_of_all_shards",
        ("protocol/sharded_queue.py", "if len(stamps) == 1:", "if stamps := {min(stamps)}:"),
    ),
    mutant(
        "a_switch_forgets_before_it_sweeps",
        SWITCH_RACES + "test_no_version_is_forgotten_before_its_slots_are_empty",
        (
            "operations/switch.py",
            "        slots += sweep(caches)\n        waits = ",
            "        ends = [_end(cache.table.queue, note) for cache, note in notes.items()]\n"
            "        slots += sweep(caches) if ends else 0\n        waits = ",
        ),
    ),
    mutant(
        "a_switch_does_not_drain",
        SWITCH_RACES + "test_what_waits_is_written_before_it_is_off",
        ("operations/switch.py", "flushed = cache.drain(timeout)", "flushed = 0"),
        ("protocol/lua/end_closing.lua", NOTHING_WAITS, ""),
    ),
    mutant(
        "a_closed_queue_takes_writes",
        SWITCH_RACES + "test_a_write_that_comes_to_the_queue_too_late_goes_to_the_database",
        ("protocol/lua/enqueue.lua", "if redis.call('EXISTS', CLOSED, DRAINING) > 0 then", "if false then"),
    ),
    mutant(
        "an_ordinary_queue_is_one_that_is_open",
        "tests/cachedemo/protocol/test_queue.py::test_a_row_whose_deletion_is_recent_takes_no_write",
        (
            "protocol/lua/enqueue.lua",
            "redis.call('EXISTS', CLOSED, DRAINING, GONE, DEAD) == 0",
            "redis.call('EXISTS', CLOSED, DRAINING) == 0",
        ),
    ),
    mutant(
        "a_switch_ends_whatever_stands_there",
        SWITCH_RACES + "test_who_was_overtaken_by_who_switches_on_ends_nothing",
        ("protocol/lua/end_closing.lua", "if note ~= ARGV[1] then return 'SWITCHED' end\n", ""),
    ),
    mutant(
        "a_switch_opens_whatever_stands_there",
        SWITCH_RACES + "test_who_was_overtaken_by_who_switches_off_anew_opens_nothing",
        ("protocol/lua/open.lua", "if redis.call('GET', CLOSED) ~= ARGV[1] then return 0 end\n", ""),
    ),
    mutant(
        "a_switch_on_keeps_the_slots",
        SWITCH_RACES + "test_what_comes_back_to_the_cache_while_it_is_off_is_not_there_when_it_is_on",
        ("operations/switch.py", "    slots = sweep(caches)\n", "    slots = 0\n"),
    ),
    mutant(
        "a_switch_ends_above_a_dead_letter",
        SWITCH_RACES + "test_with_a_dead_letter_it_does_not_count_as_off",
        ("protocol/lua/end_closing.lua", NOTHING_WAITS, ""),
    ),
    mutant(
        "a_write_of_a_closed_process_empties_nothing",
        SWITCH_RACES + "test_a_write_under_way_when_it_is_switched_on_leaves_no_old_slot",
        ("protocol/closed_slots.py", "return self._slots.drop(pks, versions) if versions else 0", "return 0"),
    ),
    mutant(
        "a_closed_process_asks_the_cache",
        SWITCH + "test_while_it_is_off_no_call_asks_the_cache",
        (
            "protocol/cached_table.py",
            "return places.slots if places.closed is None else ClosedSlots(places.slots)",
            "return places.slots",
        ),
    ),
    mutant(
        "a_new_table_is_not_told_that_it_is_off",
        SWITCH + "test_a_database_that_is_new_while_it_is_off_is_off_as_well",
        ("protocol/lua/announce_table.lua", "return redis.call('HGET', KEYS[2], ARGV[2])", "return false"),
    ),
    mutant(
        "nobody_says_where_the_database_is",
        ADDRESSES + "test_a_process_says_where_its_database_is_and_nothing_else_of_it",
        ("protocol/announced_tables.py", "    database_addresses.say(table.using)\n", ""),
    ),
    mutant(
        "another_address_is_the_same_database",
        ADDRESSES + "test_another_address_is_a_warning_wherever_one_looks_and_no_refusal",
        ("protocol/database_addresses.py", " and said != digest(using):", " and False:"),
    ),
    mutant(
        "upkeep_says_that_it_has_looked",
        "tests/cachedemo/management/test_switched_off.py::test_upkeep_has_nothing_to_do_and_says_so[cache_drain]",
        ("management/commands/cache_drain.py", 'if switched_off.said(self, "nothing is flushed"):', "if False:"),
    ),
    mutant(
        "a_switch_empties_no_slot",
        "tests/faults/test_switch_faults.py::test_switching_under_load_costs_misses_and_time_only[1]",
        ("operations/switch.py", "swept += CACHE.unlink(ours)", "swept += 0"),
    ),
    mutant(
        "a_test_has_a_developers_worker_delete_a_version",
        "tests/cachedemo/test_a_projects_tests.py::test_nothing_goes_to_the_broker",
        (
            "tasks.py",
            "    if test_runs.is_under_way():\n        delete_version(",
            "    if False:\n        delete_version(",
        ),
    ),
    mutant(
        "a_dead_letter_ages",
        FLAGGED + "test_a_dead_letter_does_not_age",
        (
            "protocol/lua/rows.lua",
            "if not refused[fields[i]] and (not stamp or each < stamp) then",
            "if not stamp or each < stamp then",
        ),
    ),
    mutant(
        "a_save_carries_nothing",
        SAVES + "test_a_save_of_named_fields_writes_these_and_carries_what_waits",
        ("patterns/save_statement.py", "[*others, *mine, *carried, stamped]", "[*others, *mine, stamped]"),
    ),
    mutant(
        "a_query_hides_more_than_its_where_says",
        "tests/cachedemo/protocol/test_row_filter.py::test_rows_that_a_query_hides_when_its_sql_is_made_are_hidden",
        (
            "protocol/manager_conditions.py",
            "found: WhereNode = rows.query.get_compiler(using).query.where",
            "found: WhereNode = rows.query.where",
        ),
    ),
    mutant(
        "a_field_prepares_what_a_save_carries",
        "tests/cachedemo/protocol/test_field_codecs.py::test_a_save_carries_what_waits_for_a_field_that_prepares_whatever_it_is_asked",
        ("patterns/save_statement.py", "    found.get_db_prep_save = lambda value, connection: value\n", ""),
    ),
    mutant(
        "a_whole_save_writes_all_that_it_shows",
        SAVES + "test_a_whole_save_puts_nothing_back_that_it_did_not_change",
        ("patterns/saving.py", "return not unchanged(field, self.loaded[field.attname], value)", "return True"),
    ),
    mutant(
        "a_save_takes_what_a_descriptor_shows_for_a_change",
        "tests/cachedemo/protocol/test_descriptors.py::test_a_whole_save_leaves_what_such_a_field_shows_and_the_instance_has_not_changed",
        (
            "protocol/values.py",
            "    if type(one) is type(other) and (type(one)",
            "    if type(one) is not type(other) or (type(one)",
        ),
    ),
    mutant(
        "a_write_of_half_of_a_value",
        "tests/cachedemo/protocol/test_descriptors.py::test_a_write_of_one_column_of_two_is_refused_and_not_made_by_half",
        ("protocol/codec.py", "                refuse_half(field, value, fields)\n", ""),
    ),
    mutant(
        "a_manager_of_an_app_loses_its_querysets",
        "tests/cachedemo/checks/test_managers.py::test_what_the_querysets_of_another_app_do_is_done_by_those_of_the_hint_too",
        ("managers.py", "    if len(bases) == 1:\n        return bases[0]\n", "    return CachedQuerySet\n"),
    ),
    mutant(
        "a_save_below_a_newer_row",
        "tests/races/test_save_races.py::test_a_newer_write_that_commits_first_makes_the_save_stamp_again",
        ("patterns/save_statement.py", "rows.filter(stamps.below(stamp))", "rows"),
    ),
    mutant(
        "an_expression_below_what_waits",
        SAVES + "test_an_expression_is_computed_from_what_waits",
        ("patterns/saving.py", "            self._apply(waiting, expressions)", "            pass"),
    ),
    mutant(
        "a_rolled_back_save_counts_as_loaded",
        SAVES + "test_after_a_rollback_what_was_saved_counts_as_changed_again",
        ("patterns/save_state.py", "while saves and not saves[-1].finish.done:", "while False:"),
    ),
    mutant(
        "a_rolled_back_savepoint_takes_back_all",
        SAVES + "test_after_a_savepoint_is_rolled_back_the_save_before_it_still_counts",
        (
            "patterns/save_state.py",
            "[*state.get(_SAVES, []), _Save(finish, using, {*written, *computed}, before)]",
            "[_Save(finish, using, {*written}, (state.get(_SAVES) or [_Save(finish, using, {*written}, before)])[0].before)]",
        ),
    ),
    mutant(
        "what_was_carried_counts_as_changed",
        SAVES + "test_after_a_rollback_what_was_only_carried_does_not_count_as_changed",
        ("patterns/save_state.py", "before=save.before | values)", "before=save.before)"),
        ("patterns/saving.py", "        save_state.carried(self.instance, row)\n", ""),
    ),
    mutant(
        "values_changed_in_place_count_as_loaded",
        SAVES + "test_values_changed_in_place_count_as_changed",
        ("protocol/instances.py", "else copy.deepcopy(value)", "else value"),
    ),
    mutant(
        "refused_by_what_it_was_loaded_with_alone",
        SAVES + "test_what_was_under_way_when_the_instance_was_loaded_is_refused_too",
        (
            "patterns/missed_fields.py",
            "    if missed := missed_fields(table, loaded, row, waiting):\n",
            "    if row[0] > instance.cache_stamp:\n        missed = ['']\n",
        ),
    ),
    mutant(
        "refused_without_what_waits",
        SAVES + "test_nothing_is_refused_where_nothing_was_missed",
        ("patterns/missed_fields.py", "table.codec.laid_over(row[1], row[0], waiting)", "row[1]"),
    ),
    mutant(
        "what_is_refused_is_left_unflagged",
        FLAGGED + "test_a_write_of_another_field_flags_what_is_refused_and_goes_on_without_it",
        (
            "protocol/flagged_fields.py",
            "    refused_increments.flag(table, pk, fields, refused, describe(refusal))\n",
            "    for name in refused:\n        fields.pop(name)\n    return {}\n",
        ),
        (
            "protocol/synchronous.py",
            "                raise\n            continue\n",
            "                raise\n            row, newer = _attempt(write, values, pending, carried, if_match, added)\n",
        ),
    ),
    mutant(
        "a_reader_does_not_ask_again",
        REFUSED_RACES + "test_a_reader_whose_row_has_passed_what_was_refused_asks_again",
        ("protocol/loading.py", "    if not doubtful:\n", "    if doubtful or True:\n"),
    ),
    mutant(
        "a_reader_does_not_start_over",
        REFUSED_RACES + "test_a_reader_starts_over_if_what_was_refused_is_gone",
        (
            "protocol/loading.py",
            "    again = [pk for pk in doubtful if not _still",
            "    again = [pk for pk in () if not _still",
        ),
    ),
    mutant(
        "a_claim_seals_nothing",
        INCREMENT_RACES + "test_an_increment_after_a_claim_is_another_entry",
        ("protocol/lua/claim.lua", "  seal(pk, handed)\n", ""),
    ),
    mutant(
        "a_stamp_seals_nothing",
        INCREMENT_RACES + "test_an_increment_after_a_stamp_is_another_entry",
        ("protocol/lua/stamp.lua", "\nseal(pk, fields)\n", "\n"),
    ),
    mutant(
        "the_short_way_of_a_stamp_seals_nothing",
        INCREMENT_RACES + "test_an_increment_after_a_stamp_is_another_entry",
        ("protocol/lua/stamp.lua", "if not fields.err and is_plain(fields) then", "if not fields.err then"),
    ),
    mutant(
        "the_short_way_of_settling_up_supersedes_nothing",
        FLAGGED + "test_a_write_that_names_the_field_replaces_what_was_refused",
        ("protocol/lua/settle_up.lua", "if redis.call('EXISTS', row(pk)) == 0 then", "if true then"),
    ),
    mutant(
        "a_write_forgets_what_waits_beside_it",
        RACES + "test_a_queued_write_publishes_all_that_waits",
        ("protocol/lua/enqueue.lua", "local body = text and text:sub(19) or ''", "local body = ''"),
    ),
    mutant(
        "the_short_way_leaves_a_dead_row_out_of_line",
        PACKED + "test_a_worker_of_an_old_release_loses_nothing[the next write]",
        ("protocol/lua/enqueue.lua", "(is_ordinary or redis.call('HDEL', DEAD, pk) == 0)", "true"),
    ),
    mutant(
        "an_increment_joins_what_is_sealed",
        INCREMENT_RACES + "test_an_increment_after_a_claim_is_another_entry",
        ("protocol/lua/enqueue.lua", "value:sub(17, 17) ~= '[' and ", ""),
        ("protocol/lua/enqueue.lua", "sum(value:sub(17), json)", "sum(value:sub(17):gsub('[%[%]]', ''), json)"),
    ),
    mutant(
        "an_increment_joins_a_value",
        INCREMENT_RACES + "test_an_increment_does_not_join_a_value_that_a_writer_was_handed",
        ("protocol/lua/enqueue.lua", "if is_delta_of(field, fields[i]) then", "if field_of(fields[i]) == field then"),
    ),
    mutant(
        "a_merge_keeps_its_stamp",
        INCREMENTS + "test_increments_of_all_patterns_add_up",
        (
            "protocol/lua/enqueue.lua",
            ".. DELTA .. stamp, stamp .. place",
            ".. DELTA .. stamp, (place[1] and place[3] or stamp) .. place",
        ),
    ),
    mutant(
        "an_increment_is_added_whole_over_any_base",
        INCREMENTS + "test_a_base_that_may_have_a_part_of_an_entry_is_not_built_upon",
        ("protocol/increments.py", "elif above or change.is_above(stamp):", "elif above or change.last > stamp:"),
    ),
    mutant(
        "increments_are_refused_without_a_fence",
        INCREMENT_RACES + "test_no_older_writer_commits_below_refused_increments",
        ("protocol/refused_increments.py", "database.apply(table, pk, fields, stamp)", "pass"),
    ),
    mutant(
        "all_that_waits_becomes_one_refused_value",
        INCREMENT_RACES + "test_of_increments_that_are_refused_together_a_writer_may_have_seen_some",
        ("protocol/refused_increments.py", "oldest = left[0]  #", "oldest = left[-1]  #"),
        ("protocol/refused_increments.py", "Changes([oldest]).over(", "changes.over("),
    ),
    mutant(
        "what_is_behind_a_refused_value_is_flushed",
        INCREMENTS + "test_increments_behind_a_refused_one_wait_with_it_and_go_on_when_it_is_discarded",
        ("protocol/lua/rows.lua", "if first and refused[field] and not", "if false and not"),
    ),
    mutant(
        "an_increment_of_a_refused_value_leaves_it",
        INCREMENTS + "test_an_increment_through_the_database_starts_from_the_refused_value",
        (
            "protocol/synchronous.py",
            "DatabaseWrite(table, pk, {*values, *added.deltas})",
            "DatabaseWrite(table, pk, values.keys())",
        ),
    ),
    mutant(
        "a_retry_leaves_what_is_behind",
        INCREMENTS + "test_a_retry_writes_both_in_their_order",
        ("protocol/lua/retry.lua", "    if refused[name] then", "    if refused[name] == true then"),
    ),
    mutant(
        "a_discard_takes_what_is_behind",
        INCREMENTS + "test_increments_behind_a_refused_one_wait_with_it_and_go_on_when_it_is_discarded",
        ("protocol/lua/discard.lua", "return refused[name] == true end)", "return refused[name] end)"),
    ),
    mutant(
        "a_reader_of_increments_does_not_ask_again",
        INCREMENT_RACES + "test_a_reader_whose_row_has_passed_refused_increments_asks_again",
        (
            "protocol/loading.py",
            "if oldest_stamp(field) <= row[0]}",
            "if type(field[1]) is not Changes and field[0] <= row[0]}",
        ),
    ),
    mutant(
        "an_old_release_is_not_looked_for",
        INCREMENTS + "test_until_every_live_version_knows_them_they_go_through_the_database",
        ("protocol/lua/enqueue.lua", "if adds and not all_know('\"increments\"') then", "if false then"),
    ),
    mutant(
        "entries_have_no_bound",
        INCREMENTS + "test_beyond_64_entries_the_queue_is_full_for_them",
        ("protocol/lua/enqueue.lua", "count < MOST_DELTAS and", "true and"),
    ),
    mutant(
        "a_limit_is_kept_in_the_queue",
        INCREMENTS + "test_a_limit_is_kept_in_the_database",
        ("protocol/counters.py", 'return "min or max"  #', "pass  #"),
    ),
    mutant(
        "a_sum_that_is_too_large_is_dropped",
        INCREMENTS + "test_a_sum_beyond_the_column_is_a_dead_letter_and_stops_nothing",
        ("protocol/added.py", '"ABS({column} * 0 - 9223372036854775807 - 1)"', '"{column}"'),
    ),
    mutant(
        "a_base_with_a_part_is_left_in_the_slot",
        INCREMENTS + "test_a_base_that_may_have_a_part_of_an_entry_is_not_built_upon",
        ("patterns/write_behind.py", "table.slots.settle({str(pk): queued.stamp}, queued.versions)", "pass"),
    ),
    mutant(
        "a_retry_keeps_its_stamp",
        FLAGGED + "test_a_retry_lands_it_also_where_the_row_has_passed_its_stamp",
        ("protocol/lua/retry.lua", "stamp .. value:sub(17)", "value"),
    ),
    mutant(
        "a_retry_while_a_writer_is_under_way",
        REFUSED_RACES + "test_a_retry_waits_for_a_writer_who_may_have_written_the_field",
        ("protocol/lua/retry.lua", "if not being_written[pk] and ", "if "),
    ),
    mutant(
        "a_flag_goes_without_the_slot",
        REFUSED_RACES + "test_what_a_reader_filled_before_the_flag_was_gone_is_emptied",
        ("protocol/lua/queue.lua", "if all or not finished[version]", "if not finished[version]"),
    ),
    mutant(
        "a_writer_shows_its_row_alone",
        FLAGGED + "test_a_write_of_another_field_leaves_what_is_flagged_where_it_is",
        ("protocol/synchronous.py", "table.codec.laid_over(written, stamp, others)", "written"),
    ),
    mutant(
        "ack_drops_what_is_flagged",
        FLAGGED + "test_a_flush_writes_what_waits_beside_it",
        ("protocol/lua/ack.lua", "return stamp <= flushed and not refused[name] end", "return stamp <= flushed end"),
        ("protocol/lua/ack.lua", "return #fields > 0 and next(refused) == nil", "return #fields > 0"),
    ),
    mutant(
        "a_discard_spares_the_slot",
        FLAGGED + "test_a_discard_gives_up_what_was_refused_and_nothing_else",
        ("protocol/lua/discard.lua", "    owe({pk})\n", ""),
    ),
    mutant(
        "a_flag_owes_nothing",
        REFUSED_RACES + "test_a_slot_that_does_not_show_what_is_refused_is_emptied",
        ("protocol/lua/bury.lua", "  owe({pk})\n", ""),
    ),
    mutant(
        "a_flush_is_handed_what_is_flagged",
        FLAGGED + "test_a_flush_writes_what_waits_beside_it",
        ("protocol/lua/claim.lua", "    if not refused[fields[i]] then handed", "    if true then handed"),
    ),
    mutant(
        "a_write_drops_what_it_does_not_name",
        FLAGGED + "test_a_write_of_another_field_leaves_what_is_flagged_where_it_is",
        ("protocol/lua/rows.lua", "and (not refused[name] or is_named)", ""),
    ),
    mutant(
        "a_write_that_names_it_keeps_the_flag",
        FLAGGED + "test_a_write_that_names_the_field_replaces_what_was_refused",
        ("protocol/lua/rows.lua", "and (not refused[name] or is_named)", "and not refused[field]"),
    ),
    mutant(
        "what_is_refused_lies_under_the_row",
        FLAGGED + "test_a_write_of_another_field_leaves_what_is_flagged_where_it_is",
        ("protocol/stamps.py", "    return stamp + END\n", "    return stamp\n"),
    ),
    mutant(
        "all_of_a_letter_is_refused",
        FLAGGED + "test_a_flush_flags_what_is_refused_and_writes_the_rest",
        ("protocol/flagged_fields.py", "    if len(fields) == 1:\n", "    if fields:\n"),
    ),
    mutant(
        "what_is_carried_is_blamed_for_a_write_s_own_values",
        FLAGGED + "test_a_write_that_is_refused_itself_gets_djangos_error_and_flags_nothing",
        (
            "protocol/flagged_fields.py",
            "    if (refusal := _refusal(table, pk, fields, at_commit)) is None:\n        return fields\n",
            "    refusal = ValueError()\n",
        ),
    ),
    mutant(
        "a_try_is_not_undone",
        FLAGGED + "test_a_write_that_is_refused_itself_gets_djangos_error_and_flags_nothing",
        ("protocol/flagged_fields.py", "        transaction.set_rollback(True, table.using)\n", ""),
    ),
    mutant(
        "a_save_is_acknowledged_below_a_flag",
        FLAGGED + "test_a_save_that_cannot_drop_what_was_refused_is_not_acknowledged",
        ("protocol/database_write.py", "if self._cache_failed or self._replaces_refused():", "if self._cache_failed:"),
    ),
    mutant(
        "an_expression_is_computed_below_what_is_refused",
        FLAGGED + "test_an_expression_of_what_is_refused_is_refused",
        ("patterns/saving.py", "applied = not_refused(waiting) | used", "applied = not_refused(waiting)"),
    ),
    mutant(
        "a_drain_ends_before_what_waits_beside_it",
        FLAGGED + "test_a_flush_writes_what_waits_beside_it",
        ("protocol/flush.py", "waiting = queue.in_line()", "waiting = queue.depth() - queue.dead_count()"),
        (
            "protocol/flush.py",
            "        flushed = flush(table)\n",
            "        flushed = flush(table) if queue.depth() > queue.dead_count() else 0\n",
        ),
    ),
    mutant(
        "hooks_before_the_finish",
        SAVES + "test_an_on_commit_hook_registered_before_the_save_reads_what_was_saved",
        (
            "protocol/on_commit.py",
            "    connection.run_on_commit.insert(first, ",
            "    connection.run_on_commit.insert(len(connection.run_on_commit), ",
        ),
    ),
    mutant(
        "a_transaction_trusts_the_cache_for_rows_that_it_wrote",
        SAVES + "test_a_read_in_a_transaction_after_its_own_write_sees_it_whatever_became_of_the_slot",
        ("protocol/reads.py", "(on_commit.wrote(using, table, pk) or ", "("),
    ),
    mutant(
        "a_straggler_fills_by_writing",
        "tests/cachedemo/protocol/test_versions.py::test_a_straggler_of_a_deleted_version_does_not_fill_by_writing",
        ("protocol/database_write.py", "announced is not None and announced == self.table.announced", "True"),
    ),
    mutant(
        "a_cancelled_deletion_ends_all_the_same",
        "tests/cachedemo/protocol/test_versions.py::test_a_cancel_at_the_last_moment_leaves_the_version_served_and_written",
        ("protocol/lua/end_deletion.lua", "if state ~= 'running' or begun ~= ARGV[2] then", "if false then"),
    ),
    mutant(
        "parked_rows_count_as_lost",
        "tests/cachedemo/protocol/test_flush.py::test_parked_rows_do_not_hold_up_the_others",
        ("protocol/flush.py", "    table.queue.park(claim.pk)\n", ""),
    ),
    mutant(
        "a_key_is_named_as_it_is_spelled",
        KEYS + "test_each_spelling_names_the_slot_and_what_waits_of_one_row",
        (
            "protocol/primary_keys.py",
            "            pk = normalised(self.column, _checked(self.column, value, python))",
            "            pk = _checked(self.column, value, python)",
        ),
    ),
    mutant(
        "a_key_is_rounded",
        KEYS + "test_what_a_column_cannot_hold_is_a_row_that_is_not_there",
        ("protocol/primary_keys.py", "        if isinstance(pk, Decimal) and pk != python:", "        if False:"),
    ),
    mutant(
        "a_key_may_be_of_any_length",
        KEYS + "test_a_whole_number_beyond_the_column_asks_no_server",
        ("protocol/primary_keys.py", "        return low <= value <= high", "        return True"),
    ),
    mutant(
        "a_created_row_has_the_key_that_was_passed",
        KEYS + "test_what_a_column_cannot_hold_is_a_row_that_is_not_there",
        ("protocol/synchronous.py", "    table.codec.spell_key(instance)", "    pass"),
    ),
    mutant(
        "an_empty_key_stands_for_none",
        KEYS + "test_a_row_is_made_and_saved_under_the_text_of_its_key",
        ("protocol/lua/stamp.lua", "if pk then", "if pk and pk ~= '' then"),
    ),
    mutant(
        "a_key_need_not_lead_back",
        KEYS + "test_a_key_whose_text_does_not_lead_back_to_it_is_refused",
        (
            "protocol/primary_keys.py",
            "if self._read_back(str(pk)) != pk or str(self._read_back(str(pk))) != str(pk):",
            "if False:",
        ),
    ),
    mutant(
        "a_flush_leaves_what_is_misfiled",
        REFILING + "test_a_flush_files_it_anew_and_the_newer_write_of_each_field_stays",
        ("protocol/flush.py", "refile_claimed(table, claimed.claims)", "claimed.claims"),
    ),
    mutant(
        "a_process_leaves_what_is_misfiled",
        REFILING + "test_a_process_files_all_of_it_before_it_serves_or_writes",
        ("protocol/versions.py", "        refile_all(table)", "        pass"),
    ),
    mutant(
        "what_is_misfiled_is_always_newer",
        REFILING + "test_a_flush_files_it_anew_and_the_newer_write_of_each_field_stays",
        (
            "protocol/lua/refile.lua",
            "if not values[name] or values[name]:sub(1, 16) < value:sub(1, 16) then",
            "if true then",
        ),
    ),
    mutant(
        "what_is_misfiled_is_written_beside_the_row",
        REFILING + "test_a_flush_files_it_anew_and_the_newer_write_of_each_field_stays",
        ("protocol/refiling.py", "claim.pk not in misfiled and claim.pk not in held", "claim.pk not in misfiled"),
    ),
    mutant(
        "what_the_row_has_passed_is_filed_below_it",
        REFILING + "test_it_waits_while_somebody_writes_or_flushes_the_row",
        ("protocol/lua/refile.lua", "if stamp ~= 0 and stamp <= tonumber(ARGV[3]) then", "if false then"),
    ),
    mutant(
        "what_is_misfiled_waits_for_nobody",
        REFILING + "test_it_waits_while_somebody_writes_or_flushes_the_row",
        ("protocol/lua/refile.lua", "or redis.call('ZSCORE', CLAIMED, new) or under_way()[new] then", "then"),
    ),
    mutant(
        "what_was_refused_is_filed_as_if_it_was_not",
        REFILING + "test_a_dead_letter_stays_one_under_the_text_of_its_key",
        ("protocol/lua/refile.lua", "    if refused[name] then", "    if false then"),
    ),
    mutant(
        "a_misfiled_write_leaves_the_slot",
        REFILING + "test_a_slot_that_shows_the_row_without_it_is_emptied",
        ("protocol/lua/refile.lua", ", time, new .. ':cache')", ")"),
    ),
    mutant(
        "a_declared_collation_is_not_looked_at",
        KEY_CHECKS + "test_a_declared_collation_is_refused_by_every_check",
        (
            "checks/keys.py",
            "if declared := key_collations.loose_by_declaration(table, named.values):",
            "if declared := None:",
        ),
    ),
    mutant(
        "the_column_s_collation_is_not_looked_at",
        KEY_CHECKS + "test_what_the_column_has_in_sqlite_is_looked_at_if_the_database_is_named",
        (
            "protocol/key_collations.py",
            "    return find(table, keys.field) if find is not None and",
            "    return None if find is not None and",
        ),
    ),
    mutant(
        "a_long_decimal_key_is_not_warned_of",
        KEY_CHECKS + "test_a_decimal_key_longer_than_sqlite_keeps_is_warned_of",
        ("checks/keys.py", "and (column.max_digits or 99) > EXACT_DIGITS", "and False"),
    ),
    mutant(
        "an_expression_is_written_as_its_text",
        VALUES + "test_what_only_the_database_can_compute_is_refused_by_name_in_every_field",
        ("protocol/values.py", "    if (expression := _expression_in(value)) is not None:", "    if False:"),
    ),
    mutant(
        "a_default_is_taken_for_a_value",
        VALUES + "test_a_default_may_be_written_in_any_form_that_its_field_understands",
        ("protocol/codec.py", "        return normalised(field, field.to_python(value))", "        raise"),
    ),
    mutant(
        "null_is_blank",
        VALUES + "test_null_is_taken_where_the_column_is_for_it_whatever_a_form_asks",
        ("protocol/values.py", "    if value is None and field.null:", "    if False:"),
    ),
    mutant(
        "a_new_file_is_written_by_its_name",
        VALUES + "test_a_file_that_is_stored_is_written_by_its_name_and_a_new_one_is_refused",
        ("protocol/values.py", 'if not getattr(file, "_committed", False):', "if False:"),
    ),
    mutant(
        "a_decimal_waits_as_it_was_passed",
        VALUES + "test_a_decimal_is_shown_with_the_places_of_its_column_before_the_flush_too",
        ("protocol/values.py", "    (models.DecimalField, _decimal),\n", ""),
    ),
    mutant(
        "a_value_is_written_as_it_was_passed",
        FIELDS + "test_however_a_value_is_passed_the_row_its_body_and_its_etag_are_the_same",
        (
            "protocol/values.py",
            "        names = sorted(map(storable, value), key=lambda name: (len(name.encode()), name.encode()))",
            "        names = list(map(storable, value))",
        ),
    ),
    mutant(
        "a_generated_column_waits_for_the_flush",
        FIELDS + "test_what_a_generated_column_shows_is_computed_from_what_is_shown_beside_it",
        ("patterns/write_behind.py", "if not table.sources.isdisjoint(names):", "if False:"),
    ),
    mutant(
        "returning_says_what_a_float_is",
        FIELDS + "test_however_a_value_is_passed_the_row_its_body_and_its_etag_are_the_same",
        ("protocol/field_codecs.py", "float if isinstance(column, models.FloatField) else to_json", "to_json"),
    ),
    mutant(
        "a_projects_own_field_is_read_as_its_column",
        FIELDS + "test_what_is_written_is_what_is_read_and_what_the_database_has",
        ("protocol/field_codecs.py", '        if not hasattr(column, "from_db_value"):', "        if True:"),
    ),
    mutant(
        "a_value_need_not_lead_back",
        OWN_FIELDS + "test_a_value_that_does_not_lead_back_is_refused_before_anything_is_written",
        ("protocol/round_trips.py", "if codec.is_own and not _leads_back(codec, value, found):", "if False:"),
    ),
    mutant(
        "a_save_is_not_tried",
        OWN_FIELDS + "test_no_way_to_write_takes_a_value_that_does_not_lead_back",
        ("patterns/saving.py", "        try_assigned(self.table.codec.own_codecs, ", "        list("),
    ),
    mutant(
        "what_is_saved_is_tried_in_one_form_only",
        OWN_FIELDS + "test_a_value_in_any_form_that_the_field_understands_is_saved",
        ("protocol/round_trips.py", "        if not _leads_back_if_parsed(codec, field, value):", "        if True:"),
    ),
    mutant(
        "what_is_loaded_need_not_lead_back",
        OWN_FIELDS + "test_what_the_database_has_and_no_json_leads_back_to_is_told_by_its_reader",
        (
            "protocol/codec.py",
            "            return written(self.codecs[name], value)",
            "            return self.codecs[name].to_json(value)",
        ),
    ),
    mutant(
        "a_new_row_is_not_tried",
        OWN_FIELDS + "test_a_value_that_does_not_lead_back_is_refused_before_anything_is_written",
        ("protocol/synchronous.py", "    table.codec.refuse_unreadable(instance)", "    pass"),
    ),
    mutant(
        "what_pre_save_makes_is_not_tried",
        INSERTED + "test_what_no_read_could_show_is_refused_before_a_row_is_there",
        ("protocol/inserted_values.py", "        try_assigned(codec.own_codecs, [(field, value)])", "        pass"),
    ),
    mutant(
        "what_pre_save_made_is_not_seen",
        INSERTED + "test_what_was_made_counts_as_seen_by_the_instance",
        (
            "patterns/saving.py",
            "save_state.shown(self.instance, self.table) | self._made",
            "save_state.shown(self.instance, self.table)",
        ),
    ),
    mutant(
        "a_field_says_in_its_own_words_what_it_does_not_understand",
        "tests/cachedemo/protocol/test_cleaning.py::"
        "test_a_value_of_any_type_is_taken_or_refused_by_the_name_of_its_field",
        (
            "protocol/cleaning.py",
            "    except (ValidationError, DatabaseFailure, CachedemoError):",
            "    except Exception:",
        ),
    ),
    mutant(
        "codecs_are_not_asked",
        OWN_FIELDS + "test_codecs_of_a_registration_say_what_a_value_is_in_json",
        ("protocol/field_codecs.py", "    if field.name in codecs:", "    if False:"),
    ),
    mutant(
        "a_decoder_is_not_asked",
        OWN_FIELDS + "test_json_is_written_by_its_encoder_and_read_by_its_decoder",
        ("protocol/field_codecs.py", "partial(_by_decoder, decoder) if decoder else None", "None"),
    ),
    mutant(
        "any_model_can_be_registered",
        REGISTRATION + "test_a_model_whose_rows_cannot_be_cached_is_refused",
        ("registry.py", "        registration_checks.check_model(model)", "        pass"),
    ),
    mutant(
        "all_fields_are_all_there_are",
        REGISTRATION + "test_all_fields_are_those_that_can_be_cached",
        ("protocol/field_classes.py", "if field.name in codecs or why_not(field) is None]", "]"),
    ),
    Mutant(
        "an_answer_outside_the_schema",
        "tests/users/api/test_schema.py::test_every_answer_is_in_the_schema",
        (Change("cachedemo/views/responses.py", '"missing": %b}\'', '"absent": %b}\''),),
    ),
    mutant(
        "a_view_asks_no_header",
        VIEWS + "test_the_header_picks_the_pattern_and_the_view_and_the_registration_do_where_there_is_none",
        ("views/mixins.py", "self.request.headers.get(self.pattern_header) if self.pattern_header else None", "None"),
    ),
    mutant(
        "a_view_takes_an_increment_beside_a_value",
        VIEWS + "test_an_increment_that_cannot_be_is_422_and_names_the_field",
        ("views/changes.py", "    if len(said) > 1:", "    if False:"),
    ),
    mutant(
        "a_view_looks_at_no_if_match",
        VIEWS + "test_of_two_holders_of_one_tag_one_wins",
        ("views/mixins.py", "        etag = required_etag(self.request, cache, pk)\n", "        etag = None\n"),
    ),
    mutant(
        "a_view_is_in_a_transaction",
        VIEWS + "test_views_are_exempt_from_atomic_requests",
        (
            "views/mixins.py",
            "transaction.non_atomic_requests(super().as_view(**initkwargs))",
            "super().as_view(**initkwargs)",
        ),
    ),
    mutant(
        "a_flush_knows_no_writer",
        OTEL + "test_a_flush_is_linked_to_the_writes_that_it_carries",
        ("protocol/spans.py", '    _ask([("HSET", key, str(pk), parent), ("EXPIRE", key, KEPT)])\n', "    pass\n"),
    ),
    mutant(
        "what_nobody_keeps_is_noted",
        OTEL + "test_a_span_that_nobody_keeps_is_not_noted",
        ("tracing/otel.py", "if not trace.get_current_span().get_span_context().trace_flags.sampled:", "if False:"),
    ),
    mutant(
        "signals_are_sent_to_nobody",
        EVENTS + "test_nothing_is_sent_while_nobody_listens",
        ("protocol/flush.py", "    if flushed and events.flushed.receivers:", "    if True:"),
    ),
    mutant(
        "a_receiver_stops_a_read",
        EVENTS + "test_a_receiver_that_fails_stops_no_read",
        (
            "protocol/events.py",
            '    """Send `cache_hit` for each row."""\n    for pk, entry in entries.items():\n        cache_hit.send_robust',
            '    """Send `cache_hit` for each row."""\n    for pk, entry in entries.items():\n        cache_hit.send',
        ),
    ),
    mutant(
        "a_fill_that_fails_is_not_counted",
        METRICS + "test_a_metric_of_each_kind_moves",
        ("protocol/leases.py", "            if may_fill and not filled:", "            if False:"),
    ),
    mutant(
        "a_bucket_has_itself_only",
        METRICS + "test_a_histogram_is_cumulative_and_its_sum_is_in_seconds",
        ("operations/metrics.py", "        so_far += counted.get(le, 0)", "        so_far = counted.get(le, 0)"),
    ),
    mutant(
        "no_janitor",
        RACES + "test_the_next_flush_works_off_what_a_dead_writer_owes",
        ("protocol/hints.py", "        table.slots.drop(pks, versions)\n", "        pass\n"),
    ),
    mutant(
        "a_slot_of_another_server_is_read",
        FAILOVERS + "test_a_slot_that_was_emptied_on_the_old_primary_is_not_read_on_the_new_one",
        ("protocol/slot_format.py", "_OPEN and slot.startswith(server, _HEADER) else", "_OPEN else"),
    ),
    mutant(
        "a_mark_shows_what_another_server_left",
        FAILOVERS + "test_nor_is_what_stands_in_a_mark_there",
        (
            "protocol/slot_format.py",
            "return held(slot[_MARK_HEADER:], server)",
            'return held(slot[_MARK_HEADER:], b"")',
        ),
    ),
    mutant(
        "a_fill_is_of_the_server_of_now",
        FAILOVERS + "test_a_reader_whose_lease_was_on_the_old_primary_fills_nothing_that_is_read",
        (
            "protocol/slots.py",
            "self._slot_and_lifetime(e, lease.servers[pk])",
            "self._slot_and_lifetime(e, self.server(pk))",
        ),
    ),
    mutant(
        "a_finish_is_of_the_server_of_now",
        FAILOVERS + "test_a_writer_whose_mark_was_on_the_old_primary_leaves_nothing_that_is_read",
        (
            "protocol/slots.py",
            "else self._slot_and_lifetime(entry, server)",
            "else self._slot_and_lifetime(entry, self.server(pk))",
        ),
    ),
    mutant(
        "a_publish_is_of_the_server_of_now",
        FAILOVERS + "test_a_write_whose_base_was_on_the_old_primary_publishes_nothing_that_is_read",
        ("protocol/slots.py", 'server_of(base or b"")', "self.server(pk)"),
    ),
    mutant(
        "what_another_server_left_is_never_filled_again",
        FAILOVERS + "test_what_another_server_has_left_is_loaded_once_and_filled_again",
        ("protocol/leases.py", "    if not left:\n", "    if True:\n"),
    ),
    mutant(
        "nobody_looks_whether_it_is_another",
        GREETING + "test_every_second_somebody_looks",
        ("protocol/stats.py", "role.look_again()", "pass"),
    ),
    mutant(
        "a_demoted_server_is_read",
        GREETING + "test_that_it_has_become_another_is_found_out_within_a_second_on_a_connection_that_stays",
        ("servers/greeting.py", 'if b"role:slave" in info:', "if False:"),
    ),
    mutant(
        "one_sentinel_is_a_majority",
        SENTINELS + "test_where_no_majority_names_the_primary_it_is_not_asked",
        ("servers/sentinels.py", "if votes > len(self._clients) // 2:", "if votes > 0:"),
    ),
    mutant(
        "a_primary_that_nobody_confirms_is_kept",
        SENTINELS + "test_where_no_majority_names_the_primary_it_is_not_asked",
        ("servers/sentinels.py", "CONFIRMED_WITHIN = 3.0", "CONFIRMED_WITHIN = 3600.0"),
    ),
    mutant(
        "what_a_replica_lacks_is_acknowledged",
        "tests/faults/test_queue_replicas.py::test_a_write_counts_once_the_replica_has_it",
        ("protocol/replicated.py", "(found := raised(reached)) < replicas", "(found := raised(reached)) < 0"),
    ),
    mutant(
        "a_read_asks_a_primary_that_was_cut_off",
        "tests/faults/test_queue_replicas.py::test_a_read_that_needs_the_queue_asks_no_primary_that_was_cut_off",
        ("protocol/replicated.py", "if not replicas:", "if True:"),
    ),
    mutant(
        "a_version_is_known_to_the_primary_alone",
        "tests/faults/test_queue_replicas.py::test_a_version_counts_once_the_replica_knows_it",
        ("protocol/queue.py", "self._run_replicated(_announce,", "self._run(_announce,"),
    ),
    mutant(
        "a_claim_is_known_to_the_primary_alone",
        "tests/faults/test_queue_replicas.py::test_nothing_is_flushed_that_the_replica_does_not_know_to_be_claimed",
        ("protocol/queue.py", "self._run_replicated(_claim,", "self._run(_claim,"),
    ),
    mutant(
        "the_next_claim_is_known_to_the_primary_alone",
        "tests/faults/test_queue_replicas.py::test_nor_that_is_claimed_along_with_an_acknowledgement",
        ("protocol/queue.py", "self._run_replicated(_ack_and_claim,", "self._run(_ack_and_claim,"),
    ),
    mutant(
        "what_is_owed_is_known_to_the_primary_alone",
        "tests/faults/test_queue_replicas.py::test_nor_does_what_is_owed",
        ("protocol/queue.py", "self._run_replicated(_owe,", "self._run(_owe,"),
    ),
    mutant(
        "shards_of_a_cluster_are_asked_in_one_place",
        "tests/cachedemo/servers/test_cluster.py::test_each_shard_of_a_queue_is_asked_where_it_is_and_its_replica_confirms_it",
        ("protocol/sharded_queue.py", "if self.replicas and QUEUE.is_cluster:", "if False:"),
    ),
    # What faults show: processes killed and paused, servers in trouble, bad networks.
    mutant(
        "claims_are_forgotten",
        KILLS + "test_a_killed_flusher",
        ("protocol/lua/claim.lua", "call_with_all('ZADD', CLAIMED, claims)", ""),
    ),
    mutant(
        "ack_before_commit",
        KILLS + "test_a_killed_flusher",
        (
            "protocol/flush.py",
            "        batch.commit()\n",
            "        table.queue.ack({claim.pk: claim.stamp for claim in claimed.claims})\n        batch.commit()\n",
        ),
    ),
    mutant(
        "the_next_claim_acknowledges_nothing",
        "tests/cachedemo/protocol/test_flush.py::test_a_batch_is_acknowledged_by_the_claim_of_the_next",
        ("protocol/lua/joint.lua", "first(arguments(2, 1 + count))", "0"),
    ),
    mutant(
        "a_key_of_a_batch_is_what_int_makes_of_it",
        KEYS + "test_the_keys_of_a_batch_are_whole_numbers_that_are_spelled_so",
        (
            "protocol/primary_keys.py",
            "is_spelled_so = found and list(map(str, found)) == texts",
            "is_spelled_so = found",
        ),
    ),
    mutant(
        "what_has_come_unasked_is_an_answer",
        "tests/cachedemo/servers/test_idle_connections.py::test_one_on_which_something_has_come_unasked_is_left_to_the_pool",
        (
            "servers/idle_connections.py",
            "connection.is_connected and not connection.can_read()",
            "connection.is_connected",
        ),
    ),
    mutant(
        "nobody_owes",
        KILLS + "test_a_killed_writer_whose_mark_was_lost",
        ("protocol/lua/stamp.lua", "redis.call('ZADD', OWED, digits(now() + ARGV[2]), pk .. ':' .. ARGV[1])", ""),
    ),
    mutant(
        "nobody_reaps",
        KILLS + "test_a_killed_reaper",
        ("protocol/flush.py", "    reap(table)\n    rows = 0", "    rows = 0"),
    ),
    mutant(
        "a_bulk_update_carries_nothing",
        MANAGERS + "test_what_waits_for_other_fields_is_kept",
        ("patterns/bulk_update.py", "flagged = _write_what_waits(table, _with_newest(below), ours)", "flagged = {}"),
    ),
    mutant(
        "a_bulk_update_stamps_before_its_lock",
        "tests/races/test_bulk_races.py::test_a_write_that_commits_before_the_rows_are_locked_is_the_older_one",
        (
            "managers.py",
            "        changed = bulk_update.change(",
            "        bulk_update.EARLY = table.queue.stamp_many([], 'x', 1, 0).stamp\n        changed = bulk_update.change(",
        ),
        (
            "patterns/bulk_update.py",
            "    flagged = _write_what_waits(table, _with",
            "    write.stamp = EARLY\n    flagged = _write_what_waits(table, _with",
        ),
    ),
    mutant(
        "a_bulk_update_leaves_the_slots",
        MANAGERS + "test_after_an_update_of_many_rows_no_read_is_old",
        (
            "protocol/bulk_write.py",
            "        hints.empty_with_slots(self.table, lookups, self.pks, versions)\n",
            "        hints.empty_of(self.table, lookups, self.pks, versions)\n",
        ),
    ),
    mutant(
        "a_bulk_update_counts_as_a_change_of_the_instance",
        MANAGERS + "test_what_a_bulk_update_wrote_is_not_put_back_by_a_later_save",
        ("managers.py", "            self._count_as_saved(table, objs, fields)\n", ""),
    ),
    mutant(
        "a_bulk_update_drops_what_is_flagged",
        MANAGERS + "test_what_the_database_refuses_of_another_field_is_flagged_and_stops_no_update",
        ("protocol/bulk_write.py", "finished, self.names):", "finished, None):"),
    ),
    mutant(
        "a_savepoint_rolled_back_by_hand_is_not_noticed",
        ODD + "test_a_savepoint_that_is_rolled_back_by_hand_takes_a_write_back",
        ("protocol/on_commit.py", "int(number) <= self.made", "int(number) < 0"),
    ),
    mutant(
        "a_savepoint_takes_back_what_was_before_it",
        ODD_TRANSACTIONS + "test_a_savepoint_that_was_made_after_a_write_takes_nothing_of_it_back",
        ("protocol/on_commit.py", "int(number) <= self.made", "int(number) >= 0"),
    ),
    mutant(
        "what_create_saves_counts_as_never_loaded",
        "tests/cachedemo/protocol/test_instance_notes.py::test_what_a_receiver_keeps_of_a_row_that_is_created_is_saved_like_any_other",
        (
            "models.py",
            "            save_state.saved(self, save_state.shown(self, cache.table), finish, cache.table.using)\n",
            "",
        ),
    ),
    mutant(
        "a_pickle_outlives_its_commit",
        "tests/cachedemo/protocol/test_instance_notes.py::test_a_pickle_of_a_row_that_is_created_may_be_read_much_later",
        ("protocol/on_commit.py", "done or token in _committed", "done"),
    ),
    mutant(
        "a_copy_is_created_for_ever",
        "tests/cachedemo/protocol/test_instance_notes.py::test_what_a_receiver_keeps_of_a_row_that_is_created_is_saved_like_any_other",
        (
            "protocol/instance_notes.py",
            "    notes[key] = value\n",
            "    notes[key] = instance.__dict__[name] = value\n",
        ),
        ("protocol/instance_notes.py", "_notes.noted.get((id(instance), name))", "instance.__dict__.get(name)"),
    ),
    mutant(
        "an_own_from_db_is_not_remembered",
        "tests/cachedemo/test_models.py::test_a_save_of_what_an_own_from_db_has_loaded_puts_nothing_back",
        ("models.py", "            _remember(instance, names, as_loaded)\n", "            pass\n"),
    ),
    mutant(
        "what_was_saved_and_read_again_counts_as_loaded",
        ODD_TRANSACTIONS + "test_what_was_read_again_in_a_transaction_is_saved_again_after_its_rollback",
        ("patterns/save_state.py", "if not (own and name in save.names)", "if True"),
    ),
    mutant(
        "a_create_that_was_rolled_back_counts_as_deleted",
        ODD_TRANSACTIONS + "test_a_create_that_was_rolled_back_is_tried_again",
        ("patterns/save_state.py", "_as_dict(instance.__dict__) is not None and", "True and"),
    ),
    mutant(
        "a_write_without_autocommit_is_acknowledged",
        ODD_TRANSACTIONS + "test_where_autocommit_is_off_no_write_is_acknowledged_that_a_rollback_takes_back",
        ("protocol/transactions.py", "    refuse_manual_transactions(using)\n    trip(using)\n", "    trip(using)\n"),
    ),
    mutant(
        "a_read_without_autocommit_fills",
        ODD_TRANSACTIONS + "test_where_autocommit_is_off_a_read_fills_nothing",
        (
            "protocol/transactions.py",
            "connection.in_atomic_block or not _has_autocommit(connection)",
            "connection.in_atomic_block",
        ),
    ),
    mutant(
        "a_conflict_refuses_reads_alone",
        VERSIONS + "test_a_process_that_never_announced_is_refused_at_its_first_write_too",
        ("protocol/versions.py", "    if not table.announced:\n        announce_unless_closed(table)\n", "    pass\n"),
    ),
    mutant(
        "an_expression_for_another_field_reads_the_row_alone",
        EXPRESSIONS + "test_an_expression_for_a_field_that_is_not_cached_is_computed_from_what_waits",
        ("managers.py", "not (renames or named.written or named.read)", "not (renames or named.written)"),
        ("patterns/saving.py", " and not read_by(expressions_of(others), cached):", ":"),
    ),
    mutant(
        "a_condition_reads_nothing",
        EXPRESSIONS + "test_an_expression_over_what_is_refused_is_refused_however_it_reads_it",
        (
            "protocol/columns_read.py",
            "elif isinstance(part, Q):\n                for",
            "elif False:\n                for",
        ),
    ),
    mutant(
        "a_generated_column_that_is_not_cached_reads_nothing",
        EXPRESSIONS + "test_a_generated_column_is_computed_from_what_waits_wherever_it_is_named",
        ("patterns/expressions.py", "        names |= generated_from(field.model, names - fields.keys())\n", ""),
    ),
    mutant(
        "a_condition_of_a_generated_column_reads_nothing",
        EXPRESSIONS + "test_a_generated_column_is_shown_as_it_will_be_whatever_it_is_computed_from",
        ("protocol/columns_read.py", "yield from _named(child[0], annotations)", "pass"),
    ),
    mutant(
        "sql_of_a_projects_own_reads_nothing",
        EXPRESSIONS + "test_sql_of_a_projects_own_is_computed_from_what_waits",
        ("protocol/columns_read.py", "            if _has_sql_of_its_own(part):", "            if False:"),
    ),
    mutant(
        "what_an_update_flags_itself_is_not_read_by_it",
        EXPRESSIONS + "test_an_expression_over_what_is_refused_is_refused_however_it_reads_it",
        ("patterns/bulk_update.py", "refused(fields) | flagged.get(pk, {})", "refused(fields)"),
    ),
    mutant(
        "rows_that_are_refused_together_stop_an_update",
        MANAGERS + "test_two_rows_that_are_refused_only_together_stop_no_update",
        ("patterns/bulk_update.py", "        if len(rows) > 1:\n", "        if len(rows) > 1 and ours is None:\n"),
        ("patterns/bulk_update.py", "        [(pk, fields, _)] = rows\n", "        (pk, fields, _), *_ = rows\n"),
    ),
    mutant(
        "what_python_calls_equal_is_not_written",
        "tests/cachedemo/protocol/test_same_values.py::test_what_python_calls_equal_may_differ_in_the_database",
        ("protocol/values.py", "    if type(one) is type(other) and (type(one)", "    if True or (type(one)"),
    ),
    mutant(
        "what_is_written_over_waits_until_the_commit",
        ODD_TRANSACTIONS + "test_what_a_transaction_has_written_over_is_neither_shown_nor_applied",
        ("protocol/on_commit.py", "        for pk in finish.pks & keys.keys():", "        for pk in ():"),
    ),
    mutant(
        "what_is_queued_later_is_written_over",
        ODD_TRANSACTIONS + "test_what_is_queued_later_is_not_written_over",
        ("protocol/on_commit.py", "stamps.written(stamp) < self.stamp and", "True and"),
    ),
    mutant(
        "a_key_as_text_names_another_slot",
        ODD + "test_a_key_that_an_instance_has_as_text_names_the_slot_of_its_row",
        (
            "patterns/saving.py",
            "return None if key is None or is_expression(key) else self.table.to_pk(key)",
            "return None if key is None or is_expression(key) else key",
        ),
    ),
    mutant(
        "a_kept_parent_counts_as_deleted",
        ODD + "test_a_child_that_is_deleted_without_its_parent_leaves_that_as_it_is",
        ("signals.py", " and sender._meta.concrete_model is cache.model:", ":"),
    ),
    mutant(
        "proxies_keep_the_managers_they_had",
        ODD + "test_proxies_and_children_that_were_loaded_with_the_project_take_the_steps",
        ("model_classes/adoption.py", "            meta._expire_cache()\n", "            del meta\n"),
    ),
    mutant(
        "in_json_true_is_one",
        ODD + "test_in_json_true_is_not_one",
        ("protocol/values.py", "and type(one) is not type(other):", "and False:"),
    ),
    mutant(
        "a_bulk_create_without_stamps",
        MANAGERS + "test_what_waited_for_a_deleted_row_does_not_reach_its_successor",
        ("patterns/bulk_insert.py", "            setattr(instance, STAMP, self.write.stamp)\n", "            pass\n"),
    ),
    mutant(
        "an_upsert_supersedes_what_waits",
        MANAGERS + "test_a_bulk_create_that_updates_conflicts_keeps_what_waits_for_other_fields",
        (
            "patterns/bulk_insert.py",
            "if stamp != self.write.stamp}",
            "if False}",
        ),
    ),
    mutant(
        "a_key_that_may_not_be_looked_at_ends_the_survey",
        "tests/cachedemo/operations/test_keyspace.py::test_what_the_user_may_not_look_at_is_counted_all_the_same",
        ("protocol/lua/survey.lua", "redis.pcall(...)", "redis.call(...)"),
    ),
    mutant(
        "no_survey_without_info",
        "tests/cachedemo/operations/test_keyspace.py::test_a_survey_is_kept_where_the_user_may_not_send_info",
        ("operations/keyspace.py", "        if error.forbidden:\n            return\n", ""),
    ),
    mutant(
        "all_new_rows_get_a_stamp_at_once",
        MANAGERS + "test_new_rows_come_in_pieces_too",
        ("patterns/bulk_insert.py", "in_chunks(pks, bulk_write.PIECE)", "in_chunks(pks, len(pks) + 1)"),
    ),
    mutant(
        "a_constraint_that_is_not_unique_compares_no_rows",
        "tests/contract/test_patterns.py::"
        "test_write_behind_leaves_what_a_constraint_compares_with_other_rows_to_the_database",
        (
            "protocol/unique_fields.py",
            "if isinstance(constraint, models.CheckConstraint):",
            "if not isinstance(constraint, models.UniqueConstraint):",
        ),
    ),
    mutant(
        "a_row_that_a_deletion_changes_is_not_seen",
        "tests/cachedemo/test_cascades.py::test_each_way_to_change_it_is_seen_on_its_own",
        (
            "signals.py",
            "        _touch(cache, _referring(model, field, instance, using), field, using)\n",
            "        pass\n",
        ),
    ),
    mutant(
        "migrations_see_another_model",
        "tests/cachedemo/model_classes/test_historical.py::test_a_save_is_read_and_keeps_what_waits",
        ("model_classes/adoption.py", "        historical.give_steps(model)\n", ""),
    ),
    mutant(
        "each_class_of_a_migration_has_a_receiver",
        "tests/cachedemo/model_classes/test_historical.py::test_what_migrations_make_by_the_thousand_is_thrown_away_again",
        (
            "model_classes/adoption.py",
            "signals.listen_to_deletions_of_historical(model)",
            "signals.listen_to_deletions_of([model])",
        ),
    ),
    mutant(
        "a_table_without_its_stamp_has_a_cache",
        "tests/cachedemo/model_classes/test_unmigrated.py::test_a_model_can_be_used_before_its_stamp_is_there",
        ("registry.py", "if unmigrated.is_unmigrated(each, using):", "if False:"),
    ),
    mutant(
        "a_table_stays_without_a_cache",
        "tests/cachedemo/model_classes/test_unmigrated.py::test_once_the_stamp_is_there_all_steps_are_taken",
        ("protocol/unmigrated.py", "if not connections[using].needs_rollback and", "if False and"),
    ),
    mutant(
        "a_stamp_that_may_go_stays",
        "tests/cachedemo/model_classes/test_unmigrated.py::test_and_so_can_it_be_once_the_stamp_is_taken_away_again",
        ("protocol/unmigrated.py", "    if backwards or not", "    if not"),
    ),
    mutant(
        "a_stamp_is_written_where_none_is",
        "tests/cachedemo/model_classes/test_unmigrated.py::test_a_model_can_be_used_before_its_stamp_is_there",
        ("protocol/unmigrated.py", "    if _tables:\n        stamps", "    if False:\n        stamps"),
    ),
    mutant(
        "the_base_manager_is_forgotten",
        "tests/cachedemo/model_classes/test_automatic_managers.py::test_they_stay_when_django_forgets_what_it_knew_of_a_model",
        ("model_classes/automatic_managers.py", ' - {"base_manager"}', ""),
    ),
    mutant(
        "fill_without_lease",
        CLAIMS + "test_a_process_that_goes_on_after_its_deadline_undoes_nothing",
        ("protocol/lua/fill.lua", "if redis.pcall('GET', key) == ARGV[1] then", "if true then"),
    ),
    mutant(
        "late_commit_wins",
        CLAIMS + "test_two_workers_on_one_batch_undo_nothing",
        (
            "protocol/update_statement.py",
            "CASE WHEN {reached} < %s THEN %s{steps} ELSE {column} END",
            "CASE WHEN 0 < %s THEN %s{steps} ELSE {column} END",
        ),
        ("protocol/update_statement.py", "WHERE {pk} = %s AND {reached} < %s", "WHERE {pk} = %s AND 0 < %s"),
    ),
    mutant(
        "many_are_published_over_any",
        MANY + "test_a_queued_write_is_published_over_its_own_base_only",
        ("protocol/lua/publish_many.lua", "if slot and slot == base then", "if slot then"),
    ),
    mutant(
        "many_are_published_over_nil",
        MANY + "test_a_queued_write_is_published_over_its_own_base_only",
        ("protocol/lua/publish_many.lua", "if slot and slot == base then", "if not slot or slot == base then"),
    ),
    mutant(
        "many_leave_other_versions_as_they_are",
        MANY + "test_the_slots_of_another_version_are_emptied",
        (
            "protocol/slots.py",
            "if others := [version for version in versions if version != self.version]:",
            "if others := []:",
        ),
    ),
    mutant(
        "many_take_what_is_refused_from_rows_that_do_not_name_it",
        MANY + "test_a_row_that_does_not_name_a_refused_field_keeps_it",
        (
            "patterns/database_many.py",
            "groups.setdefault(frozenset(rows[pk]), {})",
            "groups.setdefault(frozenset().union(*rows.values()), {})",
        ),
    ),
    mutant(
        "many_leave_owed_what_was_not_written",
        MANY + "test_what_the_database_refuses_of_one_row_is_written_of_none",
        ("patterns/database_many.py", "            write.withdraw()", "            pass"),
    ),
    mutant(
        "a_batch_has_one_stamp_for_all",
        "tests/cachedemo/protocol/test_update_of_arrays.py::test_each_field_is_written_by_its_own_stamp",
        (
            "protocol/update_statement.py",
            "        and all(at == stamp for _, fields, stamp in rows for at, _ in fields.values())\n",
            "",
        ),
    ),
    mutant(
        "a_column_that_is_gone_is_read_as_its_name",
        "tests/cachedemo/protocol/test_row_statements.py::test_a_column_that_is_gone_is_an_error_and_no_text",
        (
            "protocol/row_statements.py",
            "column.select_format(compiler, *compiler.compile(column))",
            "(f'\"{column.target.column}\"', [])",
        ),
    ),
    mutant(
        "an_update_gives_a_column_back_as_it_is",
        "tests/cachedemo/protocol/test_row_statements.py::test_what_an_update_gives_back_is_as_its_field_says_too",
        (
            "protocol/row_statements.py",
            'return f" RETURNING {columns}", parameters',
            "return f\" RETURNING {', '.join(each.target.column for each in self._columns_of_table)}\", []",
        ),
    ),
    mutant(
        "a_type_that_is_lost_stays_lost",
        "tests/cachedemo/protocol/test_field_codecs.py::"
        "test_objects_are_read_as_their_column_where_the_type_of_the_value_does_not_lead_back",
        (
            "protocol/field_codecs.py",
            "return fitting(field, _by_class(column_of(field), using, fitting), using)",
            "return _by_class(column_of(field), using, fitting)",
        ),
    ),
    mutant(
        "nothing_waits_as_it_was_passed",
        "tests/cachedemo/protocol/test_field_codecs.py::"
        "test_what_is_nothing_in_the_column_is_shown_so_before_the_flush_too",
        ("protocol/values.py", "if not is_none or not", "if is_none or not"),
    ),
    mutant(
        "a_key_is_the_key_of_the_row_it_refers_to",
        "tests/cachedemo/protocol/test_primary_keys.py::"
        "test_a_row_is_found_by_the_row_that_its_key_refers_to_by_another_field_than_its_key",
        ("protocol/primary_keys.py", "value = self._of_instance(value)", "value = value.pk"),
    ),
    mutant(
        "nan_is_another_nan",
        "tests/cachedemo/protocol/test_same_values.py::test_what_python_calls_equal_may_differ_in_the_database",
        ("protocol/values.py", "(math.isnan(one) and math.isnan(other)) or ", ""),
    ),
    mutant(
        "a_path_may_be_of_any_length",
        "tests/cachedemo/protocol/test_values.py::"
        "test_a_path_that_is_too_long_for_its_column_is_refused_before_it_is_written",
        ("protocol/values.py", "(field.max_length or math.inf)", "math.inf"),
    ),
    mutant(
        "a_connection_is_kept_with_an_answer_in_it",
        "tests/cachedemo/servers/test_client.py::test_an_answer_that_was_not_waited_for_is_nobody_elses",
        ("servers/client.py", "connection.disconnect()", "pass"),
    ),
    mutant(
        "queued_without_floor",
        CLAIMS + "test_a_clock_an_hour_ahead_and_then_deleted_neither_refuses_nor_loses_a_write",
        ("protocol/lua/enqueue.lua", "math.max(tonumber(ARGV[2]), text and", "math.max(0, text and"),
    ),
    mutant(
        "written_without_floor",
        CLAIMS + "test_a_clock_an_hour_ahead_and_then_deleted_neither_refuses_nor_loses_a_write",
        ("protocol/synchronous.py", "        floor = newer\n", ""),
    ),
    mutant(
        "deleted_rows_come_back",
        CLAIMS + "test_a_deleted_row_does_not_come_back_by_a_save_of_what_was_loaded_before",
        ("models.py", "if not updated and not self._state.adding and", "if False and"),
    ),
    mutant(
        "nothing_owed_to_a_paused_cache",
        CACHE + "test_a_paused_cache_server_costs_time_and_nothing_is_stale_once_what_is_owed_is_worked_off",
        (
            "protocol/database_write.py",
            "        if self._cache_failed:\n            queue.owe",
            "        if False:\n            queue.owe",
        ),
        ("protocol/owed.py", "self.table.queue.owe(self.owed)", "pass"),
    ),
    mutant(
        "a_server_of_a_cluster_takes_the_others_down",
        CLUSTER + "test_one_server_that_is_down_costs_its_own_keys_only",
        (
            "protocol/leases.py",
            '    except CacheUnavailable:\n        return Lease(b"", {}), []\n',
            '    except ZeroDivisionError:\n        return Lease(b"", {}), []\n',
        ),
    ),
    mutant(
        "what_was_not_reached_counts_as_paid",
        CLUSTER + "test_what_cannot_be_emptied_is_owed_and_nothing_else_is",
        ("protocol/flush.py", "        table.queue.owe(error.rows)\n", ""),
    ),
    mutant(
        "all_rows_are_owed_for_one_server",
        CLUSTER + "test_what_cannot_be_emptied_is_owed_and_nothing_else_is",
        ("protocol/reached.py", "        if error.keys is not None:\n", "        if False:\n"),
    ),
    mutant(
        "half_of_a_queue_is_worked_on",
        CLUSTER + "test_a_script_that_reaches_further_never_finds_half_of_its_keys",
        ("servers/cluster.py", " if script.reaches_further else keys", " if False else keys"),
    ),
    mutant(
        "a_key_on_its_way_is_asked_for_without_asking",
        CLUSTER + "test_a_key_on_its_way_is_asked_for_where_it_is",
        ("servers/cluster.py", '[("ASKING",)] if type(error)', "[] if type(error)"),
    ),
    mutant(
        "a_moved_key_is_forgotten_again",
        CLUSTER + "test_a_key_that_has_moved_is_found_and_known_from_then_on",
        ("servers/cluster_map.py", "        self._owners[hash_slot] = node\n        self._outdated = True\n", ""),
    ),
    mutant(
        "a_queue_that_tells_nothing_is_down",
        "tests/users/test_health.py::test_a_queue_that_does_not_tell_about_itself_is_ready",
        ("servers/queue_durability.py", "        if not error.forbidden:\n            raise\n", "        raise\n"),
    ),
    mutant(
        "what_is_said_between_two_answers_is_one",
        "tests/cachedemo/servers/test_arrived_answers.py::test_what_the_server_says_unasked_between_two_is_no_answer",
        ("servers/arrived_answers.py", "parser.handle_push_response(answer)", "answers.append(answer)"),
    ),
    mutant(
        "the_next_command_s_answer_is_taken_too",
        "tests/cachedemo/servers/test_arrived_answers.py::test_what_stands_behind_them_is_left_where_it_is",
        ("servers/arrived_answers.py", "len(answers) < at_most", "len(answers) <= at_most"),
    ),
    mutant(
        "one_scan_is_enough",
        CLUSTER + "test_a_scan_that_keys_move_under_misses_none",
        (
            "servers/cluster.py",
            "if self._whereabouts() == before and not any(moving for *_, moving in before):",
            "if True:",
        ),
    ),
    mutant(
        "versions_of_a_row_in_two_hash_slots",
        CLUSTER + "test_the_slots_of_a_row_are_in_one_hash_slot_whatever_the_version_and_the_key",
        ("protocol/slot_keys.py", 'if text[:1] in ("", "}", "~") else', "if False else"),
    ),
    mutant(
        "a_replica_that_takes_over_is_never_found",
        CLUSTER + "test_a_replica_that_takes_over_is_found_without_anybody_asking_twice",
        ("servers/cluster_node.py", "            self._outdated()\n", "            pass\n"),
        ("servers/cluster_map.py", "        if self.ranges:\n            self.look()\n", ""),
    ),
    mutant(
        "writers_trust_an_open_breaker",
        BREAKER + "test_a_writer_with_an_open_breaker_empties_a_slot_that_others_filled",
        ("servers/breaker.py", "elif insist and self._fails_fast:", "elif False:"),
    ),
    mutant(
        "writers_wait_for_a_cache_that_sleeps",
        BREAKER + "test_a_cache_that_lets_writers_wait_is_not_asked_again",
        ("servers/breaker.py", "elif insist and self._fails_fast:", "elif insist:"),
    ),
    mutant(
        "requests_wait_for_a_server_that_sleeps",
        BREAKER + "test_no_request_waits_to_find_out_whether_a_server_is_back",
        (
            "servers/breaker.py",
            "            self._watch()\n            raise Open",
            "            return send()\n            raise Open",
        ),
    ),
    mutant(
        "nobody_looks_whether_it_is_back",
        BREAKER + "test_the_breaker_opens_after_a_few_failures_and_closes_when_the_server_is_back",
        ("servers/breaker.py", "self._watcher.start()", "pass"),
    ),
    mutant(
        "the_wall_clock_opens_and_closes",
        BREAKER + "test_a_wall_clock_that_is_set_back_does_not_keep_a_breaker_open",
        ("servers/breaker.py", "            self._breaker.half_open()", "            pass"),
    ),
    mutant(
        "a_look_teaches_writers_nothing",
        BREAKER + "test_a_cache_that_slept_and_was_killed_is_asked_by_writers_again",
        ("servers/breaker.py", "self._breaker.call(self._ask)", "self._breaker.call(self._ping)"),
    ),
    mutant(
        "a_full_cache_keeps_what_is_old",
        "tests/faults/test_cache_outages.py::test_a_cache_without_memory_that_evicts_nothing_returns_no_old_value",
        *[(f"protocol/lua/{name}.lua", "#!lua flags=allow-oom", "#!lua") for name in ("finish", "publish")],
    ),
    mutant(
        "one_piece_of_what_is_owed",
        "tests/faults/test_cache_outages.py::test_all_that_is_owed_is_worked_off_at_once",
        ("protocol/flush.py", "if len(owed) < REAP_LIMIT:", "if True:"),
    ),
    mutant(
        "anything_is_a_version",
        "tests/cachedemo/operations/test_version_deletion.py::test_what_is_no_version_is_not_deleted",
        ("operations/version_deletion.py", "if not re.fullmatch(slot_keys.VERSION, version):", "if False:"),
    ),
    mutant(
        "a_create_trusts_its_stamp",
        VERSIONS + "test_a_create_whose_version_is_deleted_before_it_fills_leaves_nothing_there",
        (
            "protocol/database_write.py",
            "entry if announced == self.stamped.announced and self._may_fill(announced) else None",
            "entry if self._may_fill(self.stamped.announced) else None",
        ),
    ),
    mutant(
        "a_create_trusts_its_last_look",
        VERSIONS + "test_a_create_fills_no_version_that_was_deleted_and_announced_again_meanwhile",
        ("protocol/database_write.py", "announced == self.stamped.announced and ", ""),
    ),
    mutant(
        "a_read_fills_any_version",
        VERSIONS + "test_a_reader_whose_version_is_deleted_before_it_fills_leaves_nothing_there",
        ("protocol/loading.py", "return waiting, versions.still_announced(table, announced)", "return waiting, True"),
    ),
    mutant(
        "what_nobody_knows_is_parked",
        NOBODYS + "test_once_nobody_knows_it_it_is_a_dead_letter_and_the_other_fields_are_written",
        ("protocol/unknown_fields.py", "names - versions.live_fields(table).keys() if names else names", "set()"),
    ),
    mutant(
        "a_version_that_is_deleted_keeps_a_row",
        NOBODYS + "test_a_version_that_is_being_deleted_counts_no_more",
        (
            "protocol/versions.py",
            "for name in record.fields if record.state == LIVE else ():",
            "for name in record.fields:",
        ),
    ),
    mutant(
        "a_writer_waits_for_a_worker_that_never_comes",
        NOBODYS + "test_a_writer_does_not_wait_for_a_worker_that_will_never_come",
        (
            "protocol/synchronous.py",
            "len(unknown_fields.without_nobodys(write.table, write.pk, waiting)) < len(waiting)",
            "0",
        ),
    ),
    mutant(
        "what_another_version_knows_is_buried_too",
        NOBODYS + "test_what_another_live_version_knows_is_not_buried_with_it",
        ("protocol/flush.py", "unknown_fields.why(gone), gone)", "unknown_fields.why(gone), unknown)"),
    ),
    mutant(
        "what_is_owed_has_no_bound",
        OWED + "test_it_grows_no_further_where_nobody_reaps",
        ("protocol/lua/queue.lua", ">= MOST_OWED then", "< 0 then"),
    ),
    mutant(
        "a_collapse_owes_nothing",
        OWED + "test_beyond_the_bound_all_slots_are_owed_and_no_others",
        ("protocol/lua/queue.lua", "    redis.call('ZADD', OWED, time, ALL)\n", ""),
    ),
    mutant(
        "a_collapse_forgets_who_is_under_way",
        OWED + "test_a_writer_under_way_stays_owed",
        ("protocol/lua/queue.lua", "redis.call('ZREMRANGEBYSCORE', OWED, '-inf', time)", "redis.call('DEL', OWED)"),
    ),
    mutant(
        "nobody_says_that_the_queue_was_restored",
        RESTORED + "test_whoever_asks_the_queue_next_notices_and_announces_the_version_again",
        ("protocol/versions.py", "    if table.announces:", "    if False:"),
    ),
    mutant(
        "writers_do_not_notice_a_restored_queue",
        RESTORED + "test_whoever_asks_the_queue_next_notices_and_announces_the_version_again",
        (
            "protocol/database_write.py",
            "        versions.still_announced(self.table, self.stamped.announced)",
            "        pass",
        ),
    ),
    mutant(
        "the_flush_does_not_notice_a_restored_queue",
        RESTORED + "test_whoever_asks_the_queue_next_notices_and_announces_the_version_again",
        ("protocol/flush.py", "        versions.announce_if_lost(table, live)\n", ""),
    ),
    mutant(
        "a_queued_write_is_shown_in_an_unlisted_version",
        RESTORED + "test_a_queued_write_is_not_shown_in_a_slot_that_others_do_not_see_to",
        (
            "patterns/write_behind.py",
            "may_publish = versions.still_live(table, queued.versions)",
            "may_publish = True",
        ),
    ),
    mutant(
        "a_cache_that_makes_snapshots_is_not_told",
        PERSISTENCE + "test_a_cache_that_remembers_is_a_warning_with_the_mend",
        ("servers/cache_persistence.py", "if points := _text(save):", 'if points := "":'),
    ),
    mutant(
        "a_cache_that_keeps_a_log_is_not_told",
        PERSISTENCE + "test_a_cache_that_remembers_is_a_warning_with_the_mend",
        ("servers/cache_persistence.py", 'if info.get("aof_enabled"):', "if False:"),
    ),
    mutant(
        "no_process_is_told_that_the_cache_remembers",
        PERSISTENCE + "test_a_cache_that_remembers_is_a_warning_with_the_mend",
        ("operations/startup.py", "    _warn_of_a_cache_that_remembers()\n", ""),
    ),
    mutant(
        "a_clock_set_back_lowers_stamps",
        CLOCKS + "test_stamps_go_on_and_no_write_is_refused_or_lost",
        ("protocol/lua/queue.lua", "math.max(proper(now()), proper(floor) + 1)", "proper(now())"),
        ("protocol/lua/queue.lua", "if last >= tonumber(stamp) then", "if false then"),
    ),
    mutant(
        "a_stamp_passes_the_time_and_not_the_clock",
        "tests/cachedemo/protocol/test_queue.py::test_a_stamp_passes_the_clock_where_time_is_behind_it",
        ("protocol/lua/queue.lua", "if last >= tonumber(stamp) then", "if false then"),
    ),
    mutant(
        "a_claim_waits_for_the_clock",
        CLOCKS + "test_a_batch_whose_worker_died_before_is_flushed_soon",
        ("protocol/lua/reap.lua", "bring_forward(CLAIMED, ARGV[2])\n", ""),
    ),
    mutant(
        "what_is_owed_waits_for_the_clock",
        CLOCKS + "test_a_slot_that_could_not_be_reached_before_is_emptied_soon",
        ("protocol/lua/reap.lua", "bring_forward(OWED, ARGV[3])\n", ""),
    ),
    mutant(
        "a_dead_lease_waits_for_the_clock",
        CLOCKS + "test_the_lease_of_a_dead_reader_holds_others_up_no_longer_than_their_patience",
        ("protocol/leases.py", "            _take_away(table, pk, slot)\n", ""),
    ),
    mutant(
        "scripts_are_sent_once",
        CACHE + "test_a_cache_server_in_trouble_costs_misses_and_time_only[SCRIPT FLUSH in a loop]",
        (
            "servers/server.py",
            "        except redis.exceptions.NoScriptError:\n",
            "        except redis.exceptions.NoScriptError:\n"
            "            if script.digest in vars(self).setdefault('again', set()):\n"
            "                raise\n"
            "            vars(self)['again'].add(script.digest)\n",
        ),
    ),
    mutant(
        "queued_twice",
        NETWORK + "test_a_queued_write_that_arrives_late_does_not_come_after_a_newer_one",
        (
            "servers/client.py",
            "answer to another command\n            raise\n",
            "answer to another command\n            return talk(connection, said)\n",
        ),
    ),
    mutant(
        "unknown_is_acknowledged",
        "tests/faults/test_database_faults.py::test_a_commit_whose_answer_is_lost_is_not_acknowledged",
        (
            "protocol/transactions.py",
            '        raise OutcomeUnknown(f"The database {known}: {describe(error)}") from error',
            "        return",
        ),
    ),
    mutant(
        "a_dead_queue_acknowledges",
        "tests/faults/test_queue_durability.py::test_killed_under_load_it_loses_nothing",
        (
            "patterns/write_behind.py",
            "    queued = places.queue.enqueue(pk, base.stamp, options.max_pending, values, options.fsync_within, added.deltas)\n",
            "    try:\n"
            "        queued = places.queue.enqueue(pk, base.stamp, options.max_pending, values, options.fsync_within, added.deltas)\n"
            "    except Exception:\n        return base\n",
        ),
    ),
    mutant(
        "writers_wait_for_the_broker",
        "tests/faults/test_broker_faults.py::test_with_broker_worker_and_beat_dead_writes_are_acknowledged_and_drained_when_they_are_back",
        (
            "protocol/wake.py",
            "    _asked.add(queue_name)\n    _something_asked.set()",
            "    _ask(queue_name)",
        ),
    ),
    mutant(
        "what_cannot_be_prepared_stops_the_flush",
        "tests/cachedemo/protocol/test_decoding.py::test_whatever_waits_is_flushed_or_a_dead_letter",
        ("protocol/database_errors.py", "    if isinstance(error, UNPREPARABLE) or getattr", "    if getattr"),
    ),
    mutant(
        "a_connection_that_has_ended_refuses_the_statement",
        REFUSALS + "test_a_code_means_the_row_or_the_statement_or_nobody",
        ("protocol/database_errors.py", "Verdict.AGAIN if _is_of_the_client(number) else ", ""),
    ),
    mutant(
        "nobody_is_told_that_flushing_has_stopped",
        REFUSALS + "test_that_flushing_has_stopped_is_said_once_in_the_log_and_again_when_it_goes_on",
        ("protocol/flush.py", "            _stop(table, error)\n", "            pass\n"),
    ),
    mutant(
        "an_odd_stamp_drives_the_clock",
        STAMPS + "test_a_clock_that_was_driven_there_already_goes_on_from_now",
        (
            "protocol/lua/queue.lua",
            "return stamp and stamp >= 0 and stamp < END_OF_STAMPS and stamp or 0",
            "return stamp or 0",
        ),
    ),
    mutant(
        "an_odd_stamp_is_never_passed",
        STAMPS + "test_a_write_of_such_a_row_is_shown_and_stored_and_gives_it_a_proper_stamp",
        ("protocol/update_statement.py", "WHERE {pk} = %s AND {reached} < %s", "WHERE {pk} = %s AND {stamp} < %s"),
    ),
    mutant(
        "an_odd_stamp_refuses_saves",
        STAMPS + "test_a_save_of_such_a_row_is_stored_and_disturbs_no_other",
        ("protocol/stamps.py", "return Q(cache_stamp__lt=stamp) | improper()", "return Q(cache_stamp__lt=stamp)"),
    ),
    mutant(
        "an_interrupted_write_is_undone",
        UNKNOWN + "test_an_exception_out_of_nowhere_after_commit_passes_and_undoes_nothing",
        ("protocol/transactions.py", "            outcome.nothing_written = False\n", ""),
    ),
    mutant(
        "a_hook_says_that_nothing_was_written",
        UNKNOWN + "test_a_hook_that_fails_after_the_commit_of_a_create_is_no_refusal",
        (
            "protocol/transactions.py",
            "elif isinstance(error, DatabaseFailure) and not self.committed:\n"
            "            self.nothing_written = database_errors.refuses(error)",
            "elif isinstance(error, REFUSED):\n            self.nothing_written = True",
        ),
    ),
    mutant(
        "a_taken_write_counts_as_refused",
        UNKNOWN + "test_with_cache_and_queue_gone_right_after_the_enqueue_nobody_says_that_nothing_was_written",
        ("protocol/outcomes.py", "if isinstance(error, REFUSED) and", "if isinstance(error, ()) and"),
    ),
    mutant(
        "half_a_script_counts_as_none",
        UNKNOWN + "test_a_script_that_fails_halfway_is_no_refusal",
        ("protocol/queue.py", "        except ForeignData as error:", "        except () as error:"),
    ),
    mutant(
        "a_command_forbidden_halfway_counts_as_none",
        UNKNOWN + "test_a_script_that_may_not_send_one_of_its_commands_is_no_refusal",
        ("servers/server_errors.py", " or _says(error, _IN_SCRIPT),", ","),
    ),
    mutant(
        "a_write_needs_a_thread",
        UNKNOWN + "test_a_process_without_a_thread_to_ask_for_a_flush_acknowledges_all_the_same",
        ("protocol/wake.py", "    except RuntimeError as error:", "    except () as error:"),
    ),
    mutant(
        "a_probe_blames_the_row",
        REFUSALS + "test_where_a_column_is_gone_flushing_stops_and_goes_on_by_itself",
        ("protocol/probe.py", "        return False\n", "        return True\n"),
    ),
    mutant(
        "a_wrong_statement_buries_rows",
        REFUSALS + "test_where_a_column_is_gone_flushing_stops_and_goes_on_by_itself",
        ("protocol/flush_batch.py", "if not probe.accepts_update(self.table):", "if False:"),
    ),
    mutant(
        "a_stopped_queue_says_so_for_ever",
        REFUSALS + "test_where_a_column_is_gone_flushing_stops_and_goes_on_by_itself",
        ("protocol/lua/ack.lua", "return redis.call('DEL', STOPPED)", "return redis.call('EXISTS', STOPPED)"),
    ),
    mutant(
        "an_empty_queue_counts_as_stopped",
        REFUSALS + "test_flushing_counts_as_stopped_no_longer_than_something_waits",
        ("protocol/lua/claim.lua", "if redis.call('EXISTS', PENDING) == 0 then", "if false then"),
    ),
    mutant(
        "a_stopped_queue_is_said_every_second",
        REFUSALS + "test_that_flushing_has_stopped_is_said_once_in_the_log_and_again_when_it_goes_on",
        ("protocol/queue.py", "if known is not None and known.error == error:", "if False:"),
    ),
    mutant(
        "one_held_up_row_stops_the_batch",
        REFUSALS + "test_where_locked_rows_cannot_be_skipped_the_batch_is_halved",
        ("protocol/flush_batch.py", "        if database_errors.is_held_up(error):\n", "        if False:\n"),
    ),
    mutant(
        "a_dead_letter_in_the_databases_words",
        REFUSALS + "test_no_value_and_no_forged_line_is_in_a_log_or_a_dead_letter",
        (
            "protocol/flush_batch.py",
            "_bury_refused(self.table, piece[0], describe(database_errors.said(error)))",
            "_bury_refused(self.table, piece[0], str(error))",
        ),
    ),
    mutant(
        "discarded_values_are_logged",
        REFUSALS + "test_no_value_and_no_forged_line_is_in_a_log_or_a_dead_letter",
        (
            "operations/dead_letters.py",
            '", ".join(each.field for each',
            '", ".join(f"{each.field} {each.waiting}" for each',
        ),
    ),
    mutant(
        "a_reader_finds_hidden_rows",
        HIDDEN + "test_a_row_that_its_manager_hides_is_read_by_nobody_any_more",
        (
            "protocol/loading.py",
            "if pk not in open_to_change], hidden_too=False)",
            "if pk not in open_to_change], hidden_too=True)",
        ),
    ),
    mutant(
        "a_write_fills_what_a_trigger_changes",
        TRIGGERS + "test_what_a_trigger_makes_of_a_row_is_read_after_each_write[after-update write-through]",
        ("protocol/database.py", " and not table.options.triggers", ""),
        ("protocol/database_write.py", "if self.hides or self.table.options.triggers:", "if self.hides:"),
        ("patterns/write_through.py", "fills=not table.options.triggers", "fills=True"),
    ),
    mutant(
        "a_write_returns_the_row_without_what_a_trigger_made",
        TRIGGERS + "test_a_write_returns_what_a_trigger_has_made_of_the_row[after-cache-aside]",
        ("protocol/database.py", " and not table.options.triggers", ""),
    ),
    mutant(
        "a_flush_spares_what_a_trigger_changes",
        TRIGGERS + "test_what_a_trigger_makes_of_a_row_is_read_after_each_write[after-flush]",
        ("protocol/flush.py", "if table.options.triggers:", "if False:"),
    ),
    mutant(
        "a_trigger_takes_no_value_from_another_row",
        TRIGGERS + "test_a_trigger_may_take_a_value_that_rows_are_looked_up_by[after-save]",
        ("protocol/hints.py", "if names is None or table.options.triggers:", "if names is None:"),
    ),
    mutant(
        "triggers_are_not_looked_for",
        TRIGGERS + "test_a_check_asks_for_nothing_that_the_registration_says[after-None-True]",
        ("checks/tables.py", "cache.triggers is None and (found := triggers.names(cache.table))", "found := []"),
    ),
    mutant(
        "a_view_that_takes_no_write_acknowledges_it",
        TABLES + "test_what_a_view_does_not_take_is_refused[cache-aside]",
        (
            "protocol/database.py",
            "if row is not None and row[0] == stamp:",
            "if row is not None and row[0] == stamp and 0:",
        ),
    ),
    mutant(
        "two_registered_models_may_have_one_table",
        TABLES + "test_two_registered_models_of_one_table_are_refused",
        ("checks/tables.py", "or _place(other) != _place(cache.model)", "or other._meta.managed"),
    ),
    mutant(
        "an_audit_finds_drift_in_what_is_written",
        "tests/cachedemo/operations/test_audit.py::test_a_write_under_way_is_no_drift[cache-aside]",
        ("operations/audit.py", "for drift in drifts if str(drift.pk) not in written]", "for drift in drifts]"),
    ),
    mutant(
        "a_write_that_hides_fills",
        HIDDEN + "test_a_row_that_its_manager_hides_is_read_by_nobody_any_more",
        ("protocol/database_write.py", "if self.hides or", "if"),
    ),
    mutant(
        "what_hides_waits",
        HIDDEN + "test_a_row_that_its_manager_hides_is_read_by_nobody_any_more",
        ("patterns/write_behind.py", "    if table.is_hidden_by(names):\n", "    if False:\n"),
        ("patterns/write_behind.py", " and not table.is_hidden_by(queued.pending)", ""),
    ),
    mutant(
        "a_reader_decides_by_the_row_alone",
        HIDDEN + "test_what_another_release_lets_wait_hides_and_shows_the_row",
        (
            "protocol/loading.py",
            "    hides = table.is_hidden_by(waiting) and not table.shows(entry)\n",
            "    hides = False\n",
        ),
    ),
    mutant(
        "what_is_published_may_be_hidden",
        HIDDEN + "test_what_is_published_over_a_base_is_not_shown_where_something_hides_the_row",
        ("patterns/write_behind.py", " and not table.is_hidden_by(queued.pending)", ""),
    ),
    mutant(
        "an_update_finds_hidden_rows",
        HIDDEN + "test_no_write_through_the_cache_finds_a_hidden_row",
        ("protocol/synchronous.py", "        hidden_too = table.is_hidden_by(carried)", "        hidden_too = True"),
    ),
    mutant(
        "a_deletion_finds_hidden_rows",
        HIDDEN + "test_no_write_through_the_cache_finds_a_hidden_row",
        ("protocol/synchronous.py", "table.shown_rows.get(pk=pk)", "table.rows.get(pk=pk)"),
    ),
    mutant(
        "two_managers_of_one_version",
        HIDDEN + "test_a_version_is_live_with_one_manager",
        ("protocol/versions.py", '        (manager, _manager_of(table), "manager"),\n', ""),
    ),
    mutant(
        "a_manager_may_change_its_mind",
        HIDDEN + "test_a_manager_that_says_something_else_by_now_is_refused_at_the_read",
        (
            "protocol/row_filter.py",
            "        if condition_of(self._model, self._manager, self._using) != self._where:\n",
            "        if False:\n",
        ),
    ),
    mutant(
        "a_base_manager_hides_rows",
        HIDDEN + "test_a_base_manager_that_hides_rows_hides_none_where_the_registration_names_no_manager",
        (
            "protocol/row_filter.py",
            "        return models.QuerySet(self.model, using=self.using)\n",
            "        return self.model._base_manager.using(self.using)\n",
        ),
    ),
    mutant(
        "a_manager_may_join",
        CONDITIONS + "test_a_manager_that_hides_rows_without_a_write_of_them_is_refused",
        ("protocol/manager_conditions.py", "    if joined:\n", "    if False:\n"),
    ),
    mutant(
        "a_manager_may_ask_for_now",
        CONDITIONS + "test_a_manager_that_hides_rows_without_a_write_of_them_is_refused",
        ("protocol/manager_conditions.py", "    if type(part).__name__ in _CHANGING:\n", "    if False:\n"),
    ),
    mutant(
        "a_manager_may_look_at_what_is_not_cached",
        CONDITIONS + "test_a_manager_that_hides_rows_without_a_write_of_them_is_refused",
        (
            "protocol/manager_conditions.py",
            "            if part.target.attname not in cached:\n",
            "            if False:\n",
        ),
    ),
    mutant(
        "a_hidden_row_has_no_form",
        HIDDEN_ADMIN + "test_a_hidden_row_is_opened_and_shown_again_in_the_admin",
        (
            "admin/model_admin.py",
            "            if (hidden := loading.load_hidden(cache.table, [found.pk]).get(found.pk)) is None:\n",
            "            if (hidden := None) is None:\n",
        ),
    ),
    mutant(
        "a_hidden_row_is_listed_without_what_waits",
        HIDDEN_ADMIN + "test_a_list_shows_what_waits_for_hidden_rows_too",
        ("admin/newest.py", "    newest |= {pk: cache.table.instance(entry) for pk, entry in hidden.items()}\n", ""),
    ),
    mutant(
        "nobody_empties_hints",
        LOOKUP_RACES + "test_who_takes_a_value_empties_its_hint_though_the_row_that_had_it_shows_it_still",
        ("protocol/database_write.py", "        elif lookups:", "        elif False:"),
    ),
    mutant(
        "hints_are_filled_without_a_lease",
        LOOKUP_RACES + "test_a_hint_that_was_found_before_the_value_changed_hands_is_not_filled_after_it",
        (
            "protocol/lookup_reads.py",
            "self.hints.put(lease, {self.text: hint})",
            "self.hints.take_lease(self.text, lease), self.hints.put(lease, {self.text: hint})",
        ),
    ),
    mutant(
        "many_hints_are_filled_without_a_lease",
        LOOKUP_RACES + "test_many_hints_are_filled_under_a_lease_too",
        (
            "protocol/many_lookups.py",
            "places.put(lease, filled)",
            "places.take_leases(list(filled), lease), places.put(lease, filled)",
        ),
    ),
    mutant(
        "what_was_invalidated_is_copied",
        NEAR_RACES + "test_what_has_changed_since_its_get_is_not_copied",
        (
            "protocol/near_copies.py",
            "            if now != (note.era, note.generation) or note.feed.confirmed == NEVER:",
            "            if note.feed.confirmed == NEVER:",
        ),
    ),
    mutant(
        "a_copy_is_looked_at_before_it_is_put_there",
        NEAR_RACES + "test_what_changes_while_it_is_copied_is_not_copied",
        (
            "protocol/near_copies.py",
            "        most, most_bytes =",
            "        now = (self._era, self._generations[hash(note.key) % SHARED])\n        most, most_bytes =",
        ),
        (
            "protocol/near_copies.py",
            "            now = (self._era, self._generations[hash(note.key) % SHARED])\n            if",
            "            if",
        ),
    ),
    mutant(
        "a_hit_needs_no_pong",
        NEAR_RACES + "test_without_a_pong_no_copy_is_returned",
        ("protocol/near.py", "        if now - found.feed.confirmed >= self.seconds or ", "        if "),
    ),
    mutant(
        "a_pong_counts_from_its_arrival",
        NEAR_RACES + "test_a_pong_is_as_old_as_its_ping",
        ("servers/tracking.py", "            feed.confirmed = sent", "            feed.confirmed = time.monotonic()"),
    ),
    mutant(
        "a_lost_connection_keeps_the_copies",
        NEAR_RACES + "test_a_copy_of_a_lost_connection_is_none",
        (
            "servers/tracking.py",
            "        feed = Feed(self.server)\n",
            "        feed = self.__dict__.setdefault('kept', Feed(self.server))\n        feed.prefixes = frozenset()\n",
        ),
        (
            "servers/tracking.py",
            "            self._hearer.everything_changed(feed)\n            connection.disconnect()",
            "            connection.disconnect()",
        ),
    ),
    mutant(
        "an_invalidation_of_nothing_is_nothing",
        NEAR_RACES + "test_nothing_at_all_is_everything",
        (
            "servers/tracking.py",
            "            if keys is None:\n                self._hearer.everything_changed(feed)",
            "            if keys is None:\n                pass",
        ),
    ),
    mutant(
        "a_get_before_the_tracking_is_copied",
        NEAR_RACES + "test_what_was_asked_for_before_anybody_listened_is_not_copied",
        ("protocol/near_copies.py", "if feed is None or prefix not in feed.prefixes:", "if feed is None:"),
    ),
    mutant(
        "an_own_write_keeps_the_copy",
        NEAR_RACES + "test_the_copy_of_what_the_process_writes_is_dropped",
        ("protocol/near_slots.py", "            COPIES.forget(map(self.key, pks))", "            pass"),
    ),
    mutant(
        "an_own_write_keeps_the_generation",
        NEAR_RACES + "test_a_read_under_way_does_not_copy_what_the_process_writes_over",
        (
            "protocol/near_slots.py",
            "            COPIES.forget(map(self.key, pks))",
            "            [COPIES._drop(self.key(pk)) for pk in pks]",
        ),
    ),
    mutant(
        "own_writes_of_many_rows_keep_the_copies",
        NEAR + "test_what_this_process_writes_its_next_read_shows[update_many, write-behind]",
        (
            "protocol/near_slots.py",
            "        with self._dropping(shown):\n            return super().publish_many",
            "        if True:\n            return super().publish_many",
        ),
    ),
    mutant(
        "an_own_write_evicts_before_its_finish",
        NEAR_RACES + "test_a_copy_that_is_made_between_the_commit_and_the_finish_is_dropped",
        (
            "protocol/near_slots.py",
            "        try:\n            yield\n        finally:\n            COPIES.forget(map(self.key, pks))",
            "        COPIES.forget(map(self.key, pks))\n        yield",
        ),
    ),
    mutant(
        "a_mark_is_copied",
        NEAR_RACES + "test_a_mark_is_not_copied",
        ("protocol/near.py", "        if slot.startswith(_VALUE):", "        if slot:"),
    ),
    mutant(
        "a_forked_process_keeps_its_parent_s_copies",
        NEAR_FAULTS + "test_a_forked_process_listens_for_itself",
        ("protocol/near_copies.py", "os.register_at_fork(after_in_child=_forget)", "_forget"),
    ),
    mutant(
        "a_listener_starts_under_the_lock",
        "tests/cachedemo/protocol/test_near_gevent.py::test_greenlets_do_not_wait_for_locks_that_are_older_than_gevent",
        ("protocol/near_copies.py", "        listener.start()", "            listener.start()"),
    ),
    mutant(
        "a_step_that_failed_keeps_the_copy",
        NEAR + "test_a_write_whose_step_the_cache_has_not_taken_shows_no_copy",
        (
            "protocol/near_slots.py",
            "        try:\n            yield\n        finally:\n            COPIES.forget(map(self.key, pks))",
            "        yield\n        COPIES.forget(map(self.key, pks))",
        ),
    ),
    mutant(
        "a_transaction_reads_copies",
        NEAR + "test_no_copy_is_used_inside_a_transaction",
        (
            "protocol/near.py",
            "        if found is None or (transactions.in_transaction(table.using) and _may_differ(table, pk)):",
            "        if found is None:",
        ),
    ),
    mutant(
        "a_write_is_computed_from_a_copy",
        NEAR + "test_no_write_is_computed_from_a_copy[write-behind]",
        (
            "protocol/reads.py",
            "    entry = find(table, pk, seen)\n    if entry.body is None:\n        raise table.missing(pk)\n    try:",
            "    near = table.near and table.near.copy(table, pk)\n    entry = near.entry if near else find(table, pk)\n"
            "    if entry.body is None:\n        raise table.missing(pk)\n    try:",
        ),
    ),
    mutant(
        "fresh_reads_take_copies",
        NEAR + "test_what_asks_for_nothing_behind_is_given_no_copy",
        (
            "model_cache.py",
            "        if (near := table.near) is not None and not fresh:\n            if (copy",
            "        if (near := table.near) is not None:\n            if (copy",
        ),
    ),
    mutant(
        "copies_are_not_bounded",
        NEAR + "test_copies_are_bounded_in_number_and_bytes",
        ("protocol/near_copies.py", "while len(self.by_key) > most or self.bytes > most_bytes:", "while False:"),
    ),
    mutant(
        "instances_share_what_changes",
        NEAR + "test_values_that_could_change_in_place_are_each_instance_s_own",
        (
            "protocol/templates.py",
            "changing = {name for name in _may_change(codec) if decoded[name] is not None}",
            "changing = set()",
        ),
    ),
    mutant(
        "settings_that_changed_keep_the_copies",
        NEAR + "test_settings_that_lead_elsewhere_take_effect_at_once",
        ("protocol/near.py", " or found.route is not found.server.route:", ":"),
    ),
    mutant(
        "a_copy_never_expires",
        NEAR + "test_a_copy_lives_no_longer_than_a_slot",
        ("protocol/near.py", " or now > found.expires or", " or"),
    ),
    mutant(
        "a_process_hears_more_than_it_reads",
        NEAR + "test_a_process_that_hears_more_than_it_reads_keeps_no_copies_and_says_so",
        ("protocol/near_copies.py", "if changes > max(FEW, hits):", "if False:"),
    ),
    mutant(
        "copies_of_another_server_count",
        MOVES + "test_a_copy_counts_no_more_once_commands_go_to_another_server",
        ("protocol/near.py", " or found.route is not found.server.route:", ":"),
    ),
    mutant(
        "a_replica_is_listened_to",
        MOVES + "test_a_primary_that_was_made_a_replica_is_not_listened_to[no]",
        ("servers/server_health.py", """.get("role", "master") != "master":""", """.get("role") is None:"""),
    ),
    mutant(
        "a_hash_slot_on_its_way_is_copied",
        MOVES + "test_a_hash_slot_on_its_way_is_not_copied",
        ("servers/server_health.py", 'if said and any(word.startswith(b"[") for word in said[1]):', "if not said:"),
    ),
    mutant(
        "a_hint_is_copied_too",
        NEAR_LOOKUPS + "test_what_this_process_gives_to_another_row_is_found_there_at_once[get_by]",
        (
            "protocol/lookup_reads.py",
            "        hint = self.hints.get(self.text)\n        if hint is None and lease",
            "        hint = vars(self.hints).setdefault(self.text, self.hints.get(self.text))\n"
            "        if hint is None and lease",
        ),
    ),
    mutant(
        "a_copy_need_not_have_the_value",
        NEAR_LOOKUPS + "test_a_copy_of_before_the_row_took_the_value_does_not_hide_it[get_by]",
        (
            "protocol/lookup_reads.py",
            "    if copy is None or (row := shown(table, lookup, copy.entry, asked)) is None:\n        return None\n",
            "    if copy is None:\n        return None\n    row = copy.entry, table.codec.decode(copy.entry.body)\n",
        ),
    ),
    mutant(
        "a_lookup_takes_two_trips_with_near",
        NEAR_LOOKUPS + "test_a_hit_takes_one_trip[aget_by]",
        ("protocol/async_lookups.py", "    row = copied(table, lookup, copy, asked)\n", "    row = None\n"),
    ),
    mutant(
        "a_fresh_lookup_takes_copies",
        NEAR_LOOKUPS + "test_what_asks_for_nothing_behind_is_given_no_copy[get_by]",
        (
            "protocol/lookup_reads.py",
            "lookup.asked(value), None if fresh else table.near)",
            "lookup.asked(value), table.near)",
        ),
    ),
    mutant(
        "near_may_be_any_time",
        NEAR + "test_a_near_that_is_no_time_is_refused",
        ("registration_checks.py", "cache.near >= SHORTEST", "cache.near"),
    ),
    mutant(
        "a_hint_alone_decides",
        LOOKUP_RACES + "test_a_hint_alone_decides_nothing",
        ("protocol/lookup_reads.py", "    return bool(values[lookup.attname] == asked)", "    return True"),
    ),
    mutant(
        "the_first_slot_decides",
        LOOKUP_RACES + "test_a_value_that_somebody_always_has_is_always_found",
        ("protocol/lookup_reads.py", "self._shown(pk) or self._loaded(pk)", "self._shown(pk)"),
    ),
    mutant(
        "a_hint_is_emptied_before_the_commit",
        LOOKUP_RACES + "test_a_hint_is_emptied_after_the_commit",
        (
            "protocol/synchronous.py",
            "        write.begin_mark()\n    try:\n        entry = _commit(",
            "        write.begin_mark()\n    write.row = values\n    write._empty_hints([table.slots.version])\n    try:\n"
            "        entry = _commit(",
        ),
        ("protocol/synchronous.py", "write.carried, write.row = carried.keys(), row[1]", "write.names = ()"),
    ),
    mutant(
        "what_is_owed_is_a_slot_alone",
        LOOKUP_RACES + "test_what_is_owed_is_a_hint_too",
        (
            "protocol/flush.py",
            "hints.empty_with_slots(table, hints.written(table, None), rows, live)",
            "hints.empty_with_slots(table, (), rows, live)",
        ),
    ),
    mutant(
        "all_that_is_owed_is_slots_alone",
        HINTS + "test_if_too_much_is_owed_all_hints_are_emptied",
        (
            "protocol/flush.py",
            "for places in (table.slots, *table.hints.values()):",
            "for places in (table.slots,):",
        ),
    ),
    mutant(
        "an_announcement_leaves_the_hints",
        LOOKUP_RACES + "test_a_release_that_knows_no_lookups_empties_all_hints_as_it_begins",
        ("protocol/versions.py", "        _sweep_hints_of_others(table)\n", ""),
    ),
    mutant(
        "a_hint_is_filled_beside_any_release",
        LOOKUP_RACES + "test_no_hint_is_filled_beside_a_release_that_knows_no_lookups",
        ("protocol/versions.py", "    known = all(attname in record.lookups for", "    known = all(True for"),
    ),
    mutant(
        "releases_are_looked_at_before_the_lease",
        LOOKUP_RACES + "test_a_lease_is_there_before_the_releases_are_looked_at",
        (
            "protocol/lookup_reads.py",
            "        if hint is None and lease and (hint := self.hints.take_lease(self.text, lease)) is None:\n",
            "        may_fill = rows_by_value.may_be_remembered(self.table, self.lookup)\n"
            "        rows_by_value.may_be_remembered = lambda *_: may_fill\n"
            "        if hint is None and lease and (hint := self.hints.take_lease(self.text, lease)) is None:\n",
        ),
    ),
    mutant(
        "other_lookups_are_the_same_version",
        LOOKUP_RACES + "test_other_lookups_under_one_number_are_refused",
        ("protocol/versions.py", '        (lookups, table.looked_up_by, "lookups"),\n', ""),
    ),
    mutant(
        "an_update_of_many_rows_leaves_the_hints",
        HINTS + "test_whoever_sets_a_value_takes_it_away_from_the_row_that_still_shows_it",
        (
            "protocol/bulk_write.py",
            "hints.empty_with_slots(self.table, lookups,",
            "hints.empty_with_slots(self.table, (),",
        ),
    ),
    mutant(
        "a_save_leaves_the_hints",
        HINTS + "test_whoever_sets_a_value_takes_it_away_from_the_row_that_still_shows_it",
        ("protocol/database_write.py", "hints.empty_of(self.table, lookups, [self.pk], versions)", "pass"),
    ),
    mutant(
        "hints_of_other_versions_stay",
        HINTS + "test_the_hints_of_every_live_version_are_emptied",
        ("protocol/hints.py", "].drop(texts, versions)", "].drop(texts, ())"),
    ),
    mutant(
        "a_generated_value_is_set_by_nobody",
        HINTS + "test_a_value_that_the_database_computes_is_taken_by_whoever_writes_what_it_is_computed_from",
        ("protocol/lookup_fields.py", "if is_generated(self.field) else set()", "if False else set()"),
    ),
    mutant(
        "a_flush_leaves_the_hints",
        HINTS + "test_what_waits_from_a_time_when_the_field_was_not_unique_takes_its_value_by_the_flush",
        ("protocol/flush.py", "    _settle_hints(table, flushed, live)\n", ""),
    ),
    mutant(
        "what_is_carried_leaves_the_hints",
        HINTS + "test_what_waits_and_is_carried_takes_its_value_by_the_write_that_carries_it",
        ("protocol/hints.py", "{*names, *carried}", "{*names}"),
    ),
    mutant(
        "a_hint_is_not_owed",
        HINTS + "test_a_hint_that_the_cache_could_not_be_told_of_is_owed",
        (
            "protocol/database_write.py",
            "                self._empty_hints(self.stamped.versions)\n",
            "                with contextlib.suppress(CacheUnavailable):\n"
            "                    self._empty_hints(self.stamped.versions)\n",
        ),
    ),
    mutant(
        "a_row_s_key_may_be_a_hint_s",
        HINTS + "test_no_row_s_key_can_be_that_of_a_hint",
        ("protocol/hint_slots.py", 'SIGN = "/"', 'SIGN = ":"'),
    ),
    mutant(
        "a_transaction_fills_hints",
        LOOKUPS + "test_a_transaction_that_has_written_nothing_uses_hints_and_fills_none",
        ("protocol/lookup_reads.py", "lease = None if transactions.sees_a_snapshot(self.table.using) else", "lease ="),
    ),
    mutant(
        "a_wrong_hint_stays",
        LOOKUPS + "test_a_row_is_found_by_what_it_has_now_and_not_by_what_it_had",
        ("protocol/lookup_reads.py", "        self.hints.put(hint, {self.text: None})  # if", "        # if"),
    ),
    mutant(
        "each_reader_of_a_value_asks_the_database",
        LOOKUPS + "test_a_stampede_on_one_value_asks_the_database_once",
        ("protocol/lookup_reads.py", "            hint = self._wait(hint)", "            hint = None"),
    ),
    mutant(
        "a_failed_lookup_keeps_its_lease",
        LOOKUPS + "test_a_reader_that_fails_gives_its_lease_back",
        ("protocol/lookup_reads.py", "        finally:\n            with", "        else:\n            with"),
        (
            "protocol/lookup_reads.py",
            "            pk = found if may_fill else None\n",
            "            pk = found if may_fill else None\n        except ZeroDivisionError:\n            raise\n",
        ),
    ),
    mutant(
        "a_version_that_is_being_deleted_is_filled_with_hints",
        LOOKUPS + "test_nothing_is_remembered_in_a_version_that_is_being_deleted",
        (
            "protocol/versions.py",
            "    return known and still_announced(table, noted.get(table.slots.version))",
            "    return known",
        ),
    ),
    mutant(
        "a_lookup_s_value_is_in_the_log",
        LOOKUPS + "test_a_key_of_another_type_is_thrown_out_and_the_log_shows_no_value",
        ("protocol/hint_slots.py", '        return f"{self.prefix}…"', "        return self.key(pk)"),
    ),
    mutant(
        "a_value_is_looked_up_as_it_is_spelled",
        LOOKUP_FIELDS + "test_a_row_is_found_by_each_spelling_of_its_value",
        ("protocol/lookup_fields.py", "self.values.canonical(value))", "value)"),
    ),
    mutant(
        "any_field_may_be_looked_up",
        LOOKUP_FIELDS + "test_a_field_that_two_rows_may_share_is_refused_by_name",
        ("protocol/lookup_fields.py", "    return field.unique or", "    return True or"),
    ),
    mutant(
        "a_lookup_s_collation_is_not_looked_at",
        LOOKUP_FIELDS + "test_a_declared_collation_that_holds_two_texts_to_be_one_is_refused",
        ("checks/keys.py", "    for lookup in cache.table.lookups.values():", "    for lookup in ():"),
    ),
    mutant(
        "that_no_script_may_run_is_a_traceback",
        "tests/cachedemo/protocol/test_rights.py::test_that_not_even_the_question_is_allowed_is_a_sentence",
        ("protocol/rights.py", "        if not error.forbidden:\n            raise\n", "        raise\n"),
    ),
    Mutant(
        "a_url_to_be_corrected_is_an_outage_of_the_cache",
        "tests/users/test_health.py::test_a_cache_of_another_kind_is_a_url_to_be_corrected_and_not_ready",
        (Change("users/health.py", "isinstance(answer.__cause__, WrongKind)", "False"),),
    ),
    mutant(
        "a_scan_takes_a_replica_for_the_primary_before",
        "tests/cachedemo/servers/test_cluster.py::test_a_scan_looks_again_where_a_replica_has_taken_a_primarys_place",
        ("servers/cluster.py", '(each["node_id"], each["slots"]', '("", each["slots"]'),
    ),
    Mutant(
        "a_dead_broker_is_up",
        "tests/users/test_health.py::test_a_broker_that_is_no_redis_server_is_asked_too",
        (Change("users/broker.py", "        _sign_in(url, patience)\n", "        pass\n"),),
    ),
    Mutant(
        "a_broker_with_its_alarm_on_is_up",
        "tests/faults/test_rabbitmq.py::test_a_broker_with_its_alarm_on_takes_no_messages_and_counts_as_down",
        (Change("users/broker.py", "                _send(broker, patience)\n", "                pass\n"),),
    ),
    Mutant(
        "a_broker_that_refuses_messages_is_up",
        "tests/users/test_health.py::test_a_broker_that_answers_and_takes_no_messages_is_down",
        (Change("users/broker.py", "found is not None and not found.forbidden", "False"),),
    ),
    Mutant(
        "a_queue_that_takes_no_writes_is_ready",
        "tests/users/test_health.py::test_a_queue_that_takes_no_writes_is_not_ready",
        (Change("users/health.py", "        server.script(MAY_QUEUE, (), ())\n", "        pass\n"),),
    ),
    mutant(
        "a_write_may_stop_halfway",
        "tests/cachedemo/protocol/test_rights.py::test_where_a_write_would_stop_halfway_it_does_not_begin",
        (
            "protocol/queue.py",
            '        rights.refuse_half_a_step(self.name, self.key("versions"), map(self._of, _OF_WRITERS))\n',
            "",
        ),
    ),
    mutant(
        "replicas_that_nobody_waits_for_are_no_warning",
        "tests/cachedemo/operations/test_unwaited_replicas.py::test_it_is_said_at_the_start",
        ("operations/startup.py", "            *unwaited_replicas.sentences(),\n", ""),
    ),
    mutant(
        "deploys_leave_old_versions_stale",
        "tests/faults/test_rolling_deploy.py::test_two_releases_run_side_by_side_and_nothing_is_lost_or_stale",
        (
            "protocol/slots.py",
            "CACHE.script(_finish, self._keys(pk, versions), ",
            "CACHE.script(_finish, self._keys(pk, ()), ",
        ),
    ),
    mutant(
        "what_is_overtaken_is_given_up",
        OVERTAKEN + "test_and_so_does_whatever_else_asks_the_database",
        (
            "protocol/overtaken.py",
            "            if not may_begin_anew(error, using):\n                raise\n",
            "            raise\n",
        ),
    ),
    mutant(
        "who_began_a_transaction_is_told_in_other_words",
        OVERTAKEN + "test_what_is_read_in_a_transaction_says_what_django_says_to_who_is_to_begin_it_anew",
        ("protocol/overtaken.py", "    if transactions.in_transaction(using):\n", "    if False:\n"),
    ),
    mutant(
        "a_failed_transaction_is_a_refused_statement",
        "tests/cachedemo/test_odd_transactions.py::test_a_read_in_a_transaction_that_has_failed_says_what_django_says",
        ("protocol/answering.py", " or database_errors.is_for_who_began_it(error):", ":"),
    ),
    mutant(
        "a_url_that_cannot_be_read_is_shown",
        "tests/cachedemo/servers/test_password_hiding.py::test_of_a_url_that_cannot_be_read_nothing_is_shown",
        ("servers/password_hiding.py", "_HIDDEN if urls.problem(url) is not None else", ""),
    ),
    mutant(
        "emptied_tables_leave_their_slots",
        "tests/cachedemo/management/test_flush.py::test_no_row_is_shown_or_found_any_more",
        ("operations/emptied_tables.py", "    switch.sweep(caches)\n", ""),
    ),
    mutant(
        "emptied_tables_leave_what_waits",
        "tests/cachedemo/management/test_flush.py::test_what_waited_reaches_no_row_that_has_the_same_key_afterwards",
        ("operations/emptied_tables.py", "            cache.drain()\n", "            pass\n"),
    ),
    mutant(
        "emptied_tables_leave_what_is_refused",
        "tests/cachedemo/management/test_flush.py::test_what_was_refused_is_given_up",
        ("operations/emptied_tables.py", "            dead_letters.discard(cache, dead)\n", "            pass\n"),
    ),
    mutant(
        "a_new_table_takes_over_what_an_earlier_one_left",
        NEW_TABLES + "test_nothing_of_the_old_one_is_shown_or_reaches_it",
        ("apps.py", "        new_tables.follow()\n", ""),
    ),
    mutant(
        "a_table_that_is_replaced_is_the_same",
        NEW_TABLES + "test_nothing_of_the_old_one_is_shown_or_reaches_it[another_table_takes_its_place]",
        ("operations/new_tables.py", "(_is_deleted(model, plan) or ", "("),
    ),
    mutant(
        "what_waits_for_a_database_elsewhere_is_given_up",
        NEW_TABLES + "test_what_waits_for_a_database_elsewhere_still_waits",
        ("operations/new_tables.py", "if cache.queue and database_addresses.is_elsewhere(", "if False and ("),
    ),
    mutant(
        "a_model_that_was_renamed_is_known_no_more_in_its_migrations",
        "tests/cachedemo/model_classes/test_historical.py::test_a_model_that_was_renamed_later_is_known_by_its_table",
        ("registry.py", "return next(by_label, None) or next(by_table, None)", "return next(by_label, None)"),
    ),
    mutant(
        "deletions_are_remembered_where_nobody_reaps",
        "tests/cachedemo/protocol/test_owed.py::test_where_nobody_reaps_deletions_that_are_long_over_are_forgotten_too",
        ("protocol/lua/stamp.lua", "redis.call('ZREM', GONE, unpack(over))", "redis.call('PING')"),
    ),
    mutant(
        "a_renamed_queue_is_forgotten",
        "tests/cachedemo/operations/test_forsaken_queues.py::test_what_waits_in_a_queue_that_was_renamed_is_told",
        ("protocol/lua/announce_table.lua", "redis.call('SADD', KEYS[3], ARGV[3] .. ' ' .. ARGV[1])\n", ""),
    ),
    mutant(
        "an_option_of_any_type_is_taken",
        "tests/cachedemo/checks/test_settings.py::test_an_option_that_would_not_do_is_refused",
        ("registry.py", "        registration_checks.check_types(declared, model)\n", ""),
    ),
    mutant(
        "keys_begin_with_whatever_is_configured",
        "tests/cachedemo/servers/test_key_prefix.py::test_nothing_is_kept_under_one_that_is_invalid",
        ("protocol/cached_table.py", '            conf.get_valid("KEY_PREFIX")', '            conf.get("KEY_PREFIX")'),
    ),
    mutant(
        "a_text_counts_as_true",
        "tests/cachedemo/test_conf.py::test_a_text_is_not_taken_for_true_wherever_it_is_asked_for",
        ("conf.py", "    if value is not True and value is not False:\n", "    if False:\n"),
    ),
    mutant(
        "an_option_of_none_is_a_text",
        "tests/cachedemo/test_conf.py::test_an_option_of_none_is_as_good_as_not_there",
        ("servers/roles.py", " if value is not None}", "}"),
    ),
    mutant(
        "the_breaker_s_settings_are_looked_at_in_an_outage",
        "tests/cachedemo/test_conf.py::test_what_only_a_server_that_is_away_would_show_is_refused_before",
        ("servers/client.py", "    conf.refuse_invalid_connection()\n", ""),
    ),
    mutant(
        "an_update_that_is_overtaken_is_given_up",
        OVERTAKEN + "test_a_write_of_one_row_begins_anew",
        (
            "protocol/synchronous.py",
            "            overtaken.pause(number)\n            continue\n",
            "            raise\n",
        ),
    ),
    mutant(
        "a_save_that_is_overtaken_is_given_up",
        OVERTAKEN + "test_a_save_begins_anew",
        (
            "patterns/saving.py",
            "            if overtaken.may_begin_anew(error, self.using) or (",
            "            if False or (",
        ),
    ),
    mutant(
        "a_commit_that_was_overtaken_is_unknown",
        OVERTAKEN + "test_a_commit_that_is_refused_so_has_certainly_written_nothing",
        (
            "protocol/transactions.py",
            "isinstance(error, StatementRefused | Overtaken)",
            "isinstance(error, StatementRefused)",
        ),
    ),
    mutant(
        "what_is_always_overtaken_stops_its_batch",
        OVERTAKEN + "test_a_row_that_is_always_overtaken_stops_no_neighbour",
        (
            "protocol/flush_batch.py",
            "        if isinstance(error, Overtaken):\n            return self._halved(piece, error)\n",
            "",
        ),
    ),
    mutant(
        "what_the_database_calls_equal_is_found",
        LOOKUP_FIELDS + "test_a_column_with_such_a_collation_is_found_in_the_database_and_by_the_first_lookup",
        ("protocol/rows_by_value.py", "        if text not in asked:\n", "        if False:\n"),
    ),
]


def standing(change: Change, folder: Path) -> int:
    """Return how often the line that is to be broken stands in its file; once is right."""
    return (folder / change.file).read_text().count(change.old)


def broken_copy(broken: Mutant, folder: Path) -> None:
    """Copy the project and put the wrong lines in. Raises ValueError if a line is not there exactly once."""
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    for change in broken.changes:
        if (times := standing(change, folder)) != 1:
            raise ValueError(f"{broken.name}: {change.old!r} stands {times} times in {change.file}")
        path = folder / change.file
        path.write_text(path.read_text().replace(change.old, change.new))


def verdict_on(broken: Mutant) -> tuple[bool, str]:
    """Return whether the test fails on the broken copy, and what it said."""
    with tempfile.TemporaryDirectory(prefix="cachedemo-mutant-") as name:
        broken_copy(broken, Path(name))
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", broken.test],
            cwd=name,
            env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    if run.returncode == 1 and " failed" in run.stdout:
        return True, next((line[1:].strip() for line in run.stdout.splitlines() if line.startswith("E  ")), "it failed")
    return False, "SURVIVED" if run.returncode == 0 else f"no verdict:\n{run.stdout[-2000:]}{run.stderr[-2000:]}"


def main() -> int:
    wanted = [each for each in MUTANTS if all(word in each.name for word in sys.argv[1:])]
    survivors = 0
    with ThreadPoolExecutor(PROCESSES) as pool:
        for number, (each, verdict) in enumerate(zip(wanted, pool.map(verdict_on, wanted), strict=True), 1):
            caught, said = verdict
            survivors += not caught
            print(f"{number:3}/{len(wanted)}  {each.name:32} {'caught: ' if caught else ''}{said}", flush=True)
    print(f"{len(wanted) - survivors} caught, {survivors} survived")
    return 1 if survivors or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
