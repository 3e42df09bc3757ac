#include "common/base64.h"

#include <stdbool.h>
#include <stdint.h>

/* The value of a digit, -1 for anything else. No table: this runs once per kubeconfig. */
static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Appends the bytes of the last group, `digits` (2 or 3) of which are real. */
static bool base64_finish(uint32_t bits, unsigned digits, struct strbuf *out)
{
	unsigned unused = digits == 2 ? 4 : 2;

	if (bits & ((1U << unused) - 1))
		return false;
	bits >>= unused;
	if (digits == 3)
		strbuf_addc(out, (char)(unsigned char)(bits >> 8));
	strbuf_addc(out, (char)(unsigned char)bits);
	return true;
}

int base64_decode(const char *text, size_t len, struct strbuf *out, struct err *err)
{
	unsigned digits = 0, padding = 0;
	struct strbuf bytes = STRBUF_INIT;
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		int digit = base64_digit(text[i]);

		if (text[i] == '\n' || text[i] == '\r')
			continue;
		if (text[i] == '=' && digits >= 2 && digits + padding < 4) {
			padding++;
			continue;
		}
		if (digit < 0 || padding)
			goto malformed;
		bits = bits << 6 | (uint32_t)digit;
		if (++digits == 4) {
			char group[3] = {(char)(unsigned char)(bits >> 16),
				(char)(unsigned char)(bits >> 8), (char)(unsigned char)bits};

			strbuf_add(&bytes, group, sizeof(group));
			digits = bits = 0;
		}
	}
	if (digits && (digits + padding != 4 || !base64_finish(bits, digits, &bytes)))
		goto malformed;
	strbuf_add(out, strbuf_str(&bytes), bytes.len);
	strbuf_release(&bytes);
	return 0;

malformed:
	strbuf_release(&bytes);
	if (i == len)
		return err_set(err, ERR_CONFIG, "not base64: not whole after %zu characters", len);
	return err_set(err, ERR_CONFIG, "not base64 at character %zu", i + 1);
}

void base64_encode(const void *bytes, size_t len, struct strbuf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = bytes;

	strbuf_reserve(out, (len + 2) / 3 * 4);
	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)from[i] << 16;

		bits |= i + 1 < len ? (uint32_t)from[i + 1] << 8 : 0;
		bits |= i + 2 < len ? from[i + 2] : 0;
		strbuf_addc(out, digits[bits >> 18]);
		strbuf_addc(out, digits[bits >> 12 & 63]);
		strbuf_addc(out, i + 1 < len ? digits[bits >> 6 & 63] : '=');
		strbuf_addc(out, i + 2 < len ? digits[bits & 63] : '=');
	}
}
