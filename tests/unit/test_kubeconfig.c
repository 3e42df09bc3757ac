#include "scaler/kubeconfig.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/tap.h"

/* base64 of "-----BEGIN X-----\nAA==\n-----END X-----\n" */
#define PEM64 "LS0tLS1CRUdJTiBYLS0tLS0KQUE9PQotLS0tLUVORCBYLS0tLS0K"
#define PEM "-----BEGIN X-----\nAA==\n-----END X-----\n"

#define CONFIG(cluster, user, context)        \
	"apiVersion: v1\n"                    \
	"kind: Config\n"                      \
	"current-context: c\n"                \
	"clusters:\n"                         \
	"- name: k\n"                         \
	"  cluster:\n" cluster "contexts:\n"  \
	"- name: c\n"                         \
	"  context:\n"                        \
	"    cluster: k\n" context "users:\n" \
	"- name: u\n"                         \
	"  user:\n" user
#define SERVER "    server: https://h:6443\n"
#define USER "    user: u\n"

static char folder[] = "/tmp/hexlag-kubeconfig-XXXXXX";

/* The name of a file in the test's folder; the caller frees it. */
static char *in_folder(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char *path = in_folder(name);
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	free(path);
}

static int load(const char *text, const char *context, struct kubeconfig *c, struct err *err)
{
	char *path = in_folder("config");
	struct kubeconfig_source source = {.path = path, .context = context};
	int rc;

	write_file("config", text);
	rc = kubeconfig_load(c, &source, err);
	free(path);
	return rc;
}

static const struct {
	const char *name, *text, *context;
	const char *server, *namespace, *token, *username, *tls_name, *proxy, *ca, *cert, *key;
	bool insecure;
} valid[] = {
	{.name = "a token",
		.text = CONFIG(SERVER, "    token: abc\n", USER "    namespace: shop\n"),
		.namespace = "shop",
		.token = "abc"},
	{.name = "no namespace is default",
		.text = CONFIG(SERVER, "    token: abc\n", USER),
		.token = "abc"},
	{.name = "no user at all is anonymous", .text = CONFIG(SERVER, "    token: abc\n", "")},
	{.name = "null and empty values are absent",
		.text = CONFIG(SERVER "    proxy-url: \"\"\n    certificate-authority: null\n",
			"    token: abc\n    username: ~\n    exec:\n", USER)},
	{.name = "name and password",
		.text = CONFIG(SERVER, "    username: me\n    password: secret\n", USER),
		.username = "me"},
	{.name = "certificates as data",
		.text = CONFIG(SERVER "    certificate-authority-data: " PEM64 "\n",
			"    client-certificate-data: " PEM64 "\n    client-key-data: " PEM64 "\n",
			USER),
		.ca = PEM,
		.cert = PEM,
		.key = PEM},
	{.name = "data in a block of lines",
		.text = CONFIG(SERVER "    certificate-authority-data: |\n"
				      "      LS0tLS1CRUdJTiBYLS0tLS0K\n"
				      "      QUE9PQotLS0tLUVORCBYLS0tLS0K\n",
			"    token: abc\n", USER),
		.ca = PEM},
	{.name = "data wins over a file",
		.text = CONFIG(SERVER "    certificate-authority-data: " PEM64 "\n"
				      "    certificate-authority: some.pem\n",
			"    token: abc\n", USER),
		.ca = PEM},
	{.name = "insecure, another name and a proxy",
		.text = CONFIG(SERVER "    insecure-skip-tls-verify: true\n"
				      "    tls-server-name: kubernetes\n"
				      "    proxy-url: http://proxy:3128\n",
			"    token: abc\n", USER),
		.tls_name = "kubernetes",
		.proxy = "http://proxy:3128",
		.insecure = true},
	{.name = "insecure: false",
		.text = CONFIG(
			SERVER "    insecure-skip-tls-verify: false\n", "    token: abc\n", USER)},
	{.name = "another context than the current one",
		.text = "current-context: none\n"
			"contexts: [{name: a, context: {cluster: k, user: u, namespace: x}},\n"
			"  {name: b, context: {cluster: l, user: u, namespace: y}}]\n"
			"clusters: [{name: k, cluster: {server: 'https://k'}},\n"
			"  {name: l, cluster: {server: 'https://l'}}]\n"
			"users: [{name: u, user: {token: t}}]\n",
		.context = "b",
		.server = "https://l",
		.namespace = "y",
		.token = "t"},
	{.name = "JSON is YAML",
		.text = "{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\",\"context\":"
			"{\"cluster\":\"k\"}}],\"clusters\":[{\"name\":\"k\",\"cluster\":"
			"{\"server\":\"https://h:6443\"}}]}"},
	{.name = "aliases and unknown keys",
		.text = "current-context: &n a\npreferences: {}\n"
			"contexts: [{name: *n, context: {cluster: *n}}]\n"
			"clusters: [{name: *n, cluster: {server: 'https://h:6443', extensions: "
			"[]}}]\n"},
	{.name = "a user that is not asked for may need a plugin",
		.text = CONFIG(
			SERVER, "    token: abc\n- name: v\n  user: {exec: {command: x}}\n", USER),
		.token = "abc"},
};

static void check_valid(void)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct kubeconfig c = {0};
		struct err err = {0};

		TAP_INT(valid[i].name, load(valid[i].text, valid[i].context, &c, &err), 0);
		if (err.kind != ERR_NONE) {
			printf("# %s\n", err.msg);
			continue;
		}
		TAP_STR("server", c.server, valid[i].server ? valid[i].server : "https://h:6443");
		TAP_STR("namespace", c.namespace,
			valid[i].namespace ? valid[i].namespace : "default");
		if (valid[i].token)
			TAP_STR("token", c.token, valid[i].token);
		TAP_STR("user name", c.username, valid[i].username);
		TAP_STR("TLS name", c.tls_server_name, valid[i].tls_name);
		TAP_STR("proxy", c.proxy_url, valid[i].proxy);
		TAP_STR("CA", c.ca.data, valid[i].ca);
		TAP_INT("length of the CA", c.ca.len, valid[i].ca ? strlen(valid[i].ca) : 0);
		TAP_STR("no CA file", c.ca_file, NULL);
		TAP_STR("certificate", c.cert.data, valid[i].cert);
		TAP_STR("key", c.key.data, valid[i].key);
		TAP_INT("insecure", c.insecure, valid[i].insecure);
		kubeconfig_release(&c);
	}
}

/* `message` follows the folder's name. */
static const struct {
	const char *name, *text, *context, *message;
} invalid[] = {
	{"an empty file", "", NULL, "/config: not a kubeconfig"},
	{"a list", "- 1\n", NULL, "/config: not a kubeconfig"},
	{"not YAML", "a: [1\nb: }\n", NULL, "/config:2: not YAML: "},
	{"tabs are not YAML", "clusters:\n\t- a\n", NULL, "/config:2: not YAML: "},
	{"another kind", "kind: Pod\n", NULL, "/config:1: kind: 'Pod' is not Config"},
	{"no context", "clusters: []\n", NULL, "/config:1: current-context: missing"},
	{"a context that is not there", CONFIG(SERVER, "    token: a\n", USER), "prod",
		"/config:9: contexts: none is called 'prod'"},
	{"no contexts", "current-context: a\n", NULL, "/config:1: contexts: missing"},
	{"contexts that are no list", "current-context: a\ncontexts: {a: b}\n", NULL,
		"/config:2: contexts: not a list"},
	{"a context that is no mapping", "current-context: a\ncontexts:\n- a\n", NULL,
		"/config:3: contexts: element is not a mapping"},
	{"a context without content", "current-context: a\ncontexts:\n- name: a\n", NULL,
		"/config:3: context 'a': context: missing"},
	{"a context without a cluster",
		"current-context: a\ncontexts: [{name: a, context: {user: u}}]\n", NULL,
		"/config:2: context 'a': cluster: missing"},
	{"a cluster that is not there",
		"current-context: a\ncontexts: [{name: a, context: {cluster: x}}]\nclusters: []\n",
		NULL, "/config:3: clusters: none is called 'x'"},
	{"a user that is not there", CONFIG(SERVER, "    token: a\n", "    user: who\n"), NULL,
		"users: none is called 'who'"},
	{"no server", CONFIG("    tls-server-name: a\n", "    token: a\n", USER), NULL,
		"/config:7: cluster 'k': server: missing"},
	{"a server without a scheme", CONFIG("    server: h:6443\n", "    token: a\n", USER), NULL,
		"/config:7: cluster 'k': server: 'h:6443' does not begin with https://"},
	{"a server that is a list", CONFIG("    server: [a]\n", "    token: a\n", USER), NULL,
		"/config:7: cluster 'k': server: not a string"},
	{"a password in the server's URL",
		CONFIG("    server: https://me:hush@h\n", "    token: a\n", USER), NULL,
		"/config:7: cluster 'k': server: a user name in the URL"},
	{"a key given twice", CONFIG(SERVER SERVER, "    token: a\n", USER), NULL,
		"/config:8: cluster 'k': server: given twice"},
	{"a flag that is no flag",
		CONFIG(SERVER "    insecure-skip-tls-verify: maybe\n", "    token: a\n", USER),
		NULL,
		"/config:8: cluster 'k': insecure-skip-tls-verify: 'maybe' is neither true nor "
		"false"},
	{"insecure beside a CA",
		CONFIG(SERVER "    insecure-skip-tls-verify: true\n"
			      "    certificate-authority: some.pem\n",
			"    token: a\n", USER),
		NULL, "cluster 'k': insecure-skip-tls-verify: true beside"},
	{"a CA that is not base64",
		CONFIG(SERVER "    certificate-authority-data: hush*\n", "    token: a\n", USER),
		NULL,
		"/config:8: cluster 'k': certificate-authority-data: not base64 at character 5"},
	{"a CA that is not PEM",
		CONFIG(SERVER "    certificate-authority-data: aHVzaGh1c2g=\n", "    token: a\n",
			USER),
		NULL, "certificate-authority-data: is not PEM in base64"},
	{"a CA file that is not there",
		CONFIG(SERVER "    certificate-authority: no.pem\n", "    token: a\n", USER), NULL,
		"/no.pem': No such file or directory"},
	{"a certificate without a key", CONFIG(SERVER, "    client-certificate: some.pem\n", USER),
		NULL, "user 'u': client-key: missing"},
	{"a key without a certificate", CONFIG(SERVER, "    client-key-data: " PEM64 "\n", USER),
		NULL, "user 'u': client-certificate: missing"},
	{"a token with a line end", CONFIG(SERVER, "    token: \"hush\\nX: y\"\n", USER), NULL,
		"user 'u': token: holds what cannot be a token"},
	{"a token with a NUL", CONFIG(SERVER, "    token: \"hush\\0y\"\n", USER), NULL,
		"user 'u': token: holds a NUL character"},
	{"a user name beside a token",
		CONFIG(SERVER, "    username: me\n    password: hush\n    token: a\n", USER), NULL,
		"user 'u': username: given beside a token"},
	{"a credential plugin", CONFIG(SERVER, "    exec:\n      command: aws\n", USER), NULL,
		"user 'u': exec: not supported"},
	{"an auth provider", CONFIG(SERVER, "    auth-provider: {name: gcp}\n", USER), NULL,
		"user 'u': auth-provider: not supported"},
	{"impersonation", CONFIG(SERVER, "    token: a\n    as: admin\n", USER), NULL,
		"user 'u': as: not supported"},
	{"impersonated groups", CONFIG(SERVER, "    token: a\n    as-groups: [g]\n", USER), NULL,
		"user 'u': as-groups: not supported"},
};

static void check_invalid(void)
{
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
		struct kubeconfig c = {0};
		struct err err = {0};
		int rc = load(invalid[i].text, invalid[i].context, &c, &err);

		TAP_HAS(invalid[i].name, err.msg, invalid[i].message);
		TAP_TRUE("is a fault of the configuration, names the file, tells no secret",
			rc == -1 && err.kind == ERR_CONFIG &&
				strncmp(err.msg, folder, strlen(folder)) == 0 &&
				!strstr(err.msg, "hush"));
		if (rc == 0)
			kubeconfig_release(&c);
	}
}

static void check_files(void)
{
	struct kubeconfig c = {0};
	struct err err = {0};
	char *want = in_folder("some.pem"), *token = in_folder("token");

	TAP_INT("names of files are relative to the kubeconfig",
		load(CONFIG(SERVER "    certificate-authority: some.pem\n",
			     "    client-certificate: some.pem\n    client-key: some.pem\n"
			     "    tokenFile: token\n",
			     USER),
			NULL, &c, &err),
		0);
	TAP_STR("CA", c.ca_file, want);
	TAP_STR("certificate", c.cert_file, want);
	TAP_STR("key", c.key_file, want);
	TAP_STR("token", c.token_file, token);
	kubeconfig_release(&c);
	TAP_INT("absolute ones are not",
		load(CONFIG(SERVER "    certificate-authority: /dev/null\n", "    token: a\n",
			     USER),
			NULL, &c, &err),
		0);
	TAP_STR("CA", c.ca_file, "/dev/null");
	kubeconfig_release(&c);
	free(want);
	free(token);
}

static const struct {
	const char *name, *text, *token, *message;
} tokens[] = {
	{"a token without its line end", "abc.def-ghi_\n", "abc.def-ghi_", NULL},
	{"a token with spaces around it", " \r\n\tabc \n\n", "abc", NULL},
	{"an empty file is no token", "", NULL, "empty, want a token"},
	{"white space is no token", " \n", NULL, "empty, want a token"},
	{"two lines are no token", "hush\nhush\n", NULL, "cannot be a token"},
	{"bytes above 127 are no token", "hush\xc3\xa9", NULL, "cannot be a token"},
};

static void check_tokens(void)
{
	char *path = in_folder("token");
	struct err err = {0};
	char *token = NULL, *large;

	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		token = NULL;
		err_clear(&err);
		write_file("token", tokens[i].text);
		(void)!kubeconfig_read_token(path, &token, &err);
		TAP_STR(tokens[i].name, token, tokens[i].token);
		if (tokens[i].message)
			TAP_HAS("and why", err.msg, tokens[i].message);
		TAP_TRUE("and tells no secret", !strstr(err.msg, "hush"));
		free(token);
	}
	large = mem_zalloc(KUBECONFIG_TOKEN_MAX + 2, 1);
	memset(large, 'a', KUBECONFIG_TOKEN_MAX + 1);
	write_file("token", large);
	err_clear(&err);
	TAP_INT("a token is bounded", kubeconfig_read_token(path, &token, &err), -1);
	TAP_HAS("and why", err.msg, "larger than 32768 bytes");
	large[KUBECONFIG_TOKEN_MAX] = '\0';
	write_file("token", large);
	TAP_INT("the longest token", kubeconfig_read_token(path, &token, NULL), 0);
	free(token);
	free(large);
	err_clear(&err);
	TAP_INT("a folder is no token", kubeconfig_read_token(folder, &token, &err), -1);
	TAP_HAS("and why", err.msg, "Is a directory");
	free(path);
}

/* Fills a pod's files below the test's folder. */
static void make_pod(const char *namespace)
{
	static const char *const steps[] = {"var", "var/run", "var/run/secrets",
		"var/run/secrets/kubernetes.io", "var/run/secrets/kubernetes.io/serviceaccount"};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		char *path = in_folder(steps[i]);

		(void)mkdir(path, 0700);
		free(path);
	}
	write_file("var/run/secrets/kubernetes.io/serviceaccount/token", "pod-token\n");
	write_file("var/run/secrets/kubernetes.io/serviceaccount/ca.crt", PEM);
	if (namespace)
		write_file("var/run/secrets/kubernetes.io/serviceaccount/namespace", namespace);
}

static const struct {
	const char *name, *host, *server;
} hosts[] = {
	{"a pod", "10.0.0.1", "https://10.0.0.1:443"},
	{"a pod with IPv6", "fd00::1", "https://[fd00::1]:443"},
	{"a pod with a name", "kubernetes.default.svc", "https://kubernetes.default.svc:443"},
};

static void check_pod(void)
{
	struct kubeconfig_source source = {.root = folder};
	struct kubeconfig c = {0};
	struct err err = {0};
	char *file = in_folder("var/run/secrets/kubernetes.io/serviceaccount/token");

	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	setenv("KUBECONFIG", "/nonexistent/kubeconfig", 1);
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	TAP_INT("a pod without a token", kubeconfig_load(&c, &source, &err), -1);
	TAP_HAS("says what may be wrong", err.msg, "automountServiceAccountToken");
	make_pod(NULL);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		setenv("KUBERNETES_SERVICE_HOST", hosts[i].host, 1);
		TAP_INT(hosts[i].name, kubeconfig_load(&c, &source, NULL), 0);
		TAP_STR("its server", c.server, hosts[i].server);
		TAP_STR("its namespace", c.namespace, "default");
		TAP_STR("its token", c.token, "pod-token");
		TAP_STR("its token's file", c.token_file, file);
		TAP_TRUE("its CA", c.ca_file && strstr(c.ca_file, "/serviceaccount/ca.crt"));
		kubeconfig_release(&c);
	}
	make_pod("shop\n");
	TAP_INT("a pod that knows its namespace", kubeconfig_load(&c, &source, NULL), 0);
	TAP_STR("its namespace", c.namespace, "shop");
	kubeconfig_release(&c);
	source.context = "prod";
	err_clear(&err);
	TAP_INT("asking for a context means a kubeconfig", kubeconfig_load(&c, &source, &err), -1);
	TAP_STR("which is named", err.msg, "/nonexistent/kubeconfig: No such file or directory");
	write_file("var/run/secrets/kubernetes.io/serviceaccount/token", "");
	source.context = NULL;
	err_clear(&err);
	TAP_INT("a pod with an empty token", kubeconfig_load(&c, &source, &err), -1);
	TAP_HAS("says so", err.msg, "/token: empty");
	free(file);
}

static void check_search(void)
{
	struct kubeconfig_source source = {.root = folder};
	char *path = in_folder("config"),
	     *list = mem_printf(":/nonexistent/a:%s:/nonexistent/b", path);
	char *home = in_folder(".kube");
	struct kubeconfig c = {0};
	struct err err = {0};

	unsetenv("KUBERNETES_SERVICE_HOST");
	write_file("config", CONFIG(SERVER, "    token: a\n", USER));
	setenv("KUBECONFIG", list, 1);
	TAP_INT("$KUBECONFIG: the first file that exists", kubeconfig_load(&c, &source, &err), 0);
	TAP_STR("is taken", c.source, path);
	kubeconfig_release(&c);
	setenv("KUBECONFIG", "/nonexistent/a:/nonexistent/b", 1);
	TAP_INT("$KUBECONFIG: none exists", kubeconfig_load(&c, &source, &err), -1);
	TAP_STR("the last is named", err.msg, "/nonexistent/b: No such file or directory");
	unsetenv("KUBECONFIG");
	setenv("HOME", folder, 1);
	err_clear(&err);
	TAP_INT("the file at home is the last resort", kubeconfig_load(&c, &source, &err), -1);
	TAP_HAS("and named", err.msg, "/.kube/config: No such file or directory");
	(void)mkdir(home, 0700);
	write_file(".kube/config", CONFIG(SERVER, "    token: a\n", USER));
	TAP_INT("and read", kubeconfig_load(&c, &source, NULL), 0);
	kubeconfig_release(&c);
	free(home);
	free(list);
	free(path);
}

static void check_size(void)
{
	char *large = mem_zalloc(KUBECONFIG_FILE_MAX + 2, 1);
	struct kubeconfig c = {0};
	struct err err = {0};

	memset(large, '#', KUBECONFIG_FILE_MAX + 1);
	TAP_INT("a kubeconfig is bounded", load(large, NULL, &c, &err), -1);
	TAP_HAS("and why", err.msg, "larger than 1048576 bytes");
	/* No more, since libyaml's time grows with the square of the depth. */
	memset(large, '[', 3000);
	large[3000] = '\0';
	err_clear(&err);
	TAP_INT("thousands of opening brackets", load(large, NULL, &c, &err), -1);
	TAP_HAS("are no YAML", err.msg, "not YAML");
	free(large);
}

int main(void)
{
	char *command;
	int rc;

	if (!mkdtemp(folder))
		abort();
	write_file("some.pem", PEM);
	write_file("token", "abc\n");
	check_valid();
	check_invalid();
	check_files();
	check_tokens();
	check_pod();
	check_search();
	check_size();
	command = mem_printf("rm -rf '%s'", folder);
	rc = system(command);
	free(command);
	return tap_done() || rc;
}
