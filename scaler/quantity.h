/* Kubernetes quantities that are not negative ("0.1", "100m", "1e-2", "1Ki") as float64. Pure. */
#ifndef HEXLAG_QUANTITY_H
#define HEXLAG_QUANTITY_H

#include "common/attr.h"
#include "common/err.h"

#define QUANTITY_TEXT_MAX 64 /* characters */

/* The value of `text`: digits with at most one point, then nothing, one of n u m k M G T P E, one of
 * Ki Mi Gi Ti Pi Ei, or an exponent (e3, E-2).
 *
 * What comes out is what the HPA computes with, and not always the nearest float64: the digits as a
 * whole number times a power of ten, so that 0.83 is 83 * 0.01 = 0.8300000000000001. More than 18
 * digits, or digits beyond the ninth place after the point, go the way over a whole number of
 * 0.000000001, rounded up. Source: k8s.io/apimachinery, Quantity.AsApproximateFloat64(). What is
 * taken there and refused here: a text without any digit ("." or "m"), and more than 18 digits before
 * a binary suffix.
 *
 * ERR_CONFIG, naming the text: not a quantity, negative, beyond float64, or too long. */
int quantity_parse(const char *text, double *ret_value, struct err *err) MUSTCHECK;

#endif
