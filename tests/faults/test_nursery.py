"""A job that its test leaves behind would go on writing into the rows of the next."""

from tests.processes import is_alive


def test_no_job_outlives_its_test_even_one_that_is_paused(prepared_nursery):
    jobs = [prepared_nursery.start("signal:pause") for _ in range(2)]
    jobs[0].pause()
    prepared_nursery.end_jobs()
    assert [is_alive(job.pid) for job in jobs] == [False, False]
    assert prepared_nursery.jobs == []


def test_a_test_begins_without_jobs(nursery):
    assert nursery.jobs == []
