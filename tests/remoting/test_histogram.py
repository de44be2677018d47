"""Buckets as Prometheus counts them: each with all that are below it."""

from rocketmq_ops.remoting.histogram import Histogram


def test_a_value_is_in_every_bucket_that_is_not_below_it():
    histogram = Histogram((1, 3, 10))
    for value in (0, 1, 2, 3, 4, 11, 12):
        histogram.add(value)
    moment = histogram.moment()
    histogram.add(1)
    assert moment.samples() == [
        ("_bucket", "1.0", 2.0),
        ("_bucket", "3.0", 4.0),
        ("_bucket", "10.0", 5.0),
        ("_bucket", "+Inf", 7.0),
        ("_count", "", 7.0),
        ("_sum", "", 33.0),
    ]
