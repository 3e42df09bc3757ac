#include "scaler/accessreviewjson.h"

#include <string.h>

#include "common/mem.h"
#include "tests/tap.h"

#define REVIEW(status)                                                           \
	"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\"," \
	"\"metadata\":{},\"spec\":{\"token\":\"t\"},\"status\":" status "}"
#define ACCESS(status)                                                                  \
	"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\"," \
	"\"metadata\":{},\"spec\":{},\"status\":" status "}"
#define ASKS(user)                                                                      \
	"{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\"," \
	"\"spec\":{" user ",\"nonResourceAttributes\":{\"path\":\"/metrics\",\"verb\":\"get\"}}}"

static const struct {
	const char *name, *text;
	const char *body;  /* of the next question; NULL: nobody */
	const char *error; /* NULL: none */
} subjects[] = {
	{"a user with all fields",
		REVIEW("{\"authenticated\":true,\"user\":{\"username\":\"u\",\"uid\":\"1\","
		       "\"groups\":[\"g\",\"h\"],\"extra\":{\"x/y\":[\"z\"]}},"
		       "\"audiences\":[\"https://kubernetes.default.svc\"]}"),
		ASKS("\"user\":\"u\",\"uid\":\"1\",\"groups\":[\"g\",\"h\"],"
		     "\"extra\":{\"x/y\":[\"z\"]}"),
		NULL},
	{"a user with a name only",
		REVIEW("{\"authenticated\":true,\"user\":{\"username\":\"u\"}}"),
		ASKS("\"user\":\"u\""), NULL},
	{"a name with quotes",
		REVIEW("{\"authenticated\":true,\"user\":{\"username\":\"\\\",\\\"x\\\":\\\"\"}}"),
		ASKS("\"user\":\"\\\",\\\"x\\\":\\\"\""), NULL},
	{"a token that is nobody's", REVIEW("{\"user\":{},\"error\":\"[invalid bearer token]\"}"),
		NULL, NULL},
	{"an explicit no", REVIEW("{\"authenticated\":false,\"user\":{\"username\":\"u\"}}"), NULL,
		NULL},
	{"an empty status", REVIEW("{}"), NULL, NULL},
	{"a yes without a user", REVIEW("{\"authenticated\":true}"), NULL,
		"the TokenReview names no user"},
	{"a yes without a name", REVIEW("{\"authenticated\":true,\"user\":{\"username\":\"\"}}"),
		NULL, "the TokenReview names no user"},
	{"a yes that is text", REVIEW("{\"authenticated\":\"true\",\"user\":{\"username\":\"u\"}}"),
		NULL, "status.authenticated is neither true nor false"},
	{"no status", REVIEW("null"), NULL, "the TokenReview has no status"},
	{"another document", ACCESS("{\"allowed\":true}"), NULL,
		"the answer is 'SubjectAccessReview' of 'authorization.k8s.io/v1', not "
		"TokenReview"},
	{"another version",
		"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v9\","
		"\"status\":{\"authenticated\":true,\"user\":{\"username\":\"u\"}}}",
		NULL, "'TokenReview' of 'authentication.k8s.io/v9'"},
	{"a list", "[1]", NULL, "the answer is '' of ''"},
	{"no JSON", "oops", NULL, "the answer is not JSON"},
	{"nothing", "", NULL, "the answer is not JSON"},
	{"a flag twice",
		REVIEW("{\"authenticated\":false,\"authenticated\":true,"
		       "\"user\":{\"username\":\"u\"}}"),
		NULL, "the answer is not JSON"},
};

static const struct {
	const char *name, *text;
	bool allowed;
	const char *error;
} answers[] = {
	{"allowed", ACCESS("{\"allowed\":true,\"reason\":\"RBAC: allowed by ...\"}"), true, NULL},
	{"not allowed", ACCESS("{\"allowed\":false}"), false, NULL},
	{"no opinion", ACCESS("{}"), false, NULL},
	{"allowed and denied", ACCESS("{\"allowed\":true,\"denied\":true}"), false, NULL},
	{"allowed by a number", ACCESS("{\"allowed\":1}"), false,
		"status.allowed is neither true nor false"},
	{"denied by a text", ACCESS("{\"allowed\":true,\"denied\":\"no\"}"), false,
		"status.denied is neither true nor false"},
	{"no status", ACCESS("[]"), false, "the SubjectAccessReview has no status"},
	{"another document", REVIEW("{\"allowed\":true}"), false, "not SubjectAccessReview"},
	{"no JSON", "{", false, "the answer is not JSON"},
};

int main(void)
{
	char *question = accessreviewjson_token("a.b-c");

	TAP_STR("the question about a token", question,
		"{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\","
		"\"spec\":{\"token\":\"a.b-c\"}}");
	mem_free_at(&question);
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		const char *text = subjects[i].text;
		char *body = NULL;
		struct err err = {0};
		int rc = accessreviewjson_subject(text, strlen(text), &body, &err);

		TAP_INT(subjects[i].name, rc, subjects[i].error ? -1 : 0);
		TAP_HAS(subjects[i].name, err.msg, subjects[i].error ? subjects[i].error : "");
		TAP_STR(subjects[i].name, body, subjects[i].body);
		mem_free_at(&body);
	}
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const char *text = answers[i].text;
		bool allowed = false;
		struct err err = {0};
		int rc = accessreviewjson_allowed(text, strlen(text), &allowed, &err);

		TAP_INT(answers[i].name, rc, answers[i].error ? -1 : 0);
		TAP_HAS(answers[i].name, err.msg, answers[i].error ? answers[i].error : "");
		TAP_INT(answers[i].name, allowed, answers[i].allowed);
	}
	return tap_done();
}
