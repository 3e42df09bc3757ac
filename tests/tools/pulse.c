/* A steady pulse of records or commits, and when each of them was acknowledged, until SIGTERM:
 *
 *   pulse -b BOOTSTRAP produce TOPIC MS          a record to each partition every MS milliseconds; for each
 *                                                acknowledged one prints TIME TOOK OFFSET PARTITION
 *   pulse -b BOOTSTRAP commit GROUP TOPIC MS     commits 1, then 2 and so on for all partitions, as no member;
 *                                                for each that was taken prints TIME TOOK OFFSET
 *
 * TIME is in microseconds of the monotonic clock, TOOK is how many passed
 * since it was sent. What fails is silently given up after about a second:
 * a broker that is away delays nothing that others serve.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/tools/client.h"

#define TIMEOUT_MS 15000

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk, (void)opaque;
	if (!m->err)
		(void)printf("%lld %lld %lld %d\n", (long long)clock_mono_us(),
			(long long)rd_kafka_message_latency(m), (long long)m->offset,
			(int)m->partition);
}

static void ignore_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk, (void)level, (void)facility, (void)text;
}

/* A producer, or with a group a consumer that commits for it. */
static rd_kafka_t *client(const char *bootstrap, const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "reconnect.backoff.ms", "50");
	set(conf, "reconnect.backoff.max.ms", "100");
	set(conf, "topic.metadata.refresh.interval.ms", "250");
	set(conf, "topic.metadata.refresh.fast.interval.ms", "100");
	set(conf, "socket.timeout.ms", "1000");
	set(conf, "socket.connection.setup.timeout.ms", "1000");
	rd_kafka_conf_set_log_cb(conf, ignore_log);
	if (group) {
		set(conf, "group.id", group);
		set(conf, "enable.auto.commit", "false");
	} else {
		set(conf, "acks", "1");
		set(conf, "linger.ms", "0");
		set(conf, "request.timeout.ms", "1000");
		set(conf, "message.timeout.ms", "1000");
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	}
	return start(group ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, bootstrap);
}

static int produce(const char *bootstrap, const char *topic, int64_t every_ms)
{
	rd_kafka_t *rk = client(bootstrap, NULL);
	int partitions = partition_count(rk, topic);
	char payload[] = "pulse";

	for (int64_t due = clock_mono_ms(); !stopped; due += every_ms) {
		for (int32_t p = 0; p < partitions; p++)
			(void)rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
				RD_KAFKA_V_PARTITION(p), RD_KAFKA_V_VALUE(payload, sizeof(payload)),
				RD_KAFKA_V_END);
		while (!stopped && clock_mono_ms() < due + every_ms)
			rd_kafka_poll(rk, 5);
		(void)fflush(stdout);
	}
	rd_kafka_destroy(rk);
	return 0;
}

static int commit(const char *bootstrap, const char *group, const char *topic, int64_t every_ms)
{
	rd_kafka_t *rk = client(bootstrap, group);
	int partitions = partition_count(rk, topic);
	int64_t offset = 1;

	rd_kafka_poll_set_consumer(rk);
	for (int64_t due = clock_mono_ms(); !stopped; due += every_ms) {
		int64_t began_us = clock_mono_us();
		rd_kafka_topic_partition_list_t *list =
			rd_kafka_topic_partition_list_new(partitions);

		for (int32_t p = 0; p < partitions; p++)
			rd_kafka_topic_partition_list_add(list, topic, p)->offset = offset;
		if (rd_kafka_commit(rk, list, 0) == RD_KAFKA_RESP_ERR_NO_ERROR) {
			int64_t now_us = clock_mono_us();

			(void)printf("%lld %lld %lld\n", (long long)now_us,
				(long long)(now_us - began_us), (long long)offset);
			(void)fflush(stdout);
			offset++;
		}
		rd_kafka_topic_partition_list_destroy(list);
		while (!stopped && clock_mono_ms() < due + every_ms) {
			rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 5); /* an error */

			if (m)
				rd_kafka_message_destroy(m);
		}
		/* A commit that took its time-out is not made up for by a burst. */
		if (clock_mono_ms() > due + 2 * every_ms)
			due = clock_mono_ms() - every_ms;
	}
	rd_kafka_destroy(rk);
	return 0;
}

int main(int argc, char **argv)
{
	const char *bootstrap = argc > 2 ? argv[2] : NULL, *verb = argc > 3 ? argv[3] : "";

	(void)signal(SIGTERM, on_signal);
	if (argc == 6 && strcmp(verb, "produce") == 0)
		return produce(bootstrap, argv[4], atol(argv[5]));
	if (argc == 7 && strcmp(verb, "commit") == 0)
		return commit(bootstrap, argv[4], argv[5], atol(argv[6]));
	(void)fprintf(stderr, "usage: see the head of tests/tools/pulse.c\n");
	return 2;
}
