#include "scaler/cap.h"

#include <math.h>

static int64_t fullest(int64_t replicas, int64_t partitions)
{
	return replicas >= partitions ? 1 : (partitions + replicas - 1) / replicas;
}

double cap_effective(int32_t replicas, size_t partitions)
{
	if (replicas <= 0)
		return 0;
	if (partitions == 0)
		return replicas;
	return (double)partitions / (double)fullest(replicas, (int64_t)partitions);
}

int32_t cap_step(int32_t replicas, size_t partitions)
{
	int64_t count = (int64_t)partitions, most;

	if (replicas <= 0 || count == 0)
		return replicas;
	most = fullest(replicas, count);
	return (int32_t)((count + most - 1) / most);
}

int32_t cap_step_below(int32_t replicas, size_t partitions)
{
	int32_t step = cap_step(replicas, partitions);

	return step > 1 ? cap_step(step - 1, partitions) : step;
}

int32_t cap_size_for(double share, size_t partitions)
{
	double whole = ceil(share - 1e-9);
	int64_t count = (int64_t)partitions, most;

	if (whole >= INT32_MAX)
		whole = INT32_MAX;
	if (whole < 0)
		whole = 0;
	if (count == 0 || whole < 1)
		return (int32_t)whole;
	if (share >= (double)count)
		return (int32_t)count;
	/* The most partitions that one consumer may have, then as many consumers as that takes. */
	most = (int64_t)((double)count / share + 1e-9);
	return (int32_t)((count + most - 1) / (most < 1 ? 1 : most));
}
