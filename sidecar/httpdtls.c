#include "sidecar/httpdtls.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/mem.h"
#include "common/readfile.h"
#include "common/strbuf.h"

#define PEM_MAX ((size_t)1 << 20)
#define SAN_MAX 256

struct httpdtls {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	enum webconfig_client_auth client_auth;
	char **sans; /* NULL: any name will do */
	size_t san_count;
	int64_t not_after;
};

/* --- what clients show --- */

static bool is_allowed(const struct httpdtls *t, const char *name)
{
	for (size_t i = 0; i < t->san_count; i++)
		if (strcmp(t->sans[i], name) == 0)
			return true;
	return false;
}

/* A name of the certificate as text; addresses as Go writes them. "": of another kind, or too long to be
 * one that is allowed. -1 behind the last. */
static int read_name(gnutls_x509_crt_t cert, unsigned i, char name[SAN_MAX])
{
	size_t len = SAN_MAX - 1;
	char raw[SAN_MAX];
	int type = gnutls_x509_crt_get_subject_alt_name(cert, i, raw, &len, NULL);

	name[0] = '\0';
	if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return 0;
	if (type < 0)
		return -1;
	raw[len] = '\0';
	if (type == GNUTLS_SAN_IPADDRESS)
		(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, raw, name, SAN_MAX);
	else if ((type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME ||
			 type == GNUTLS_SAN_URI) &&
		 strlen(raw) == len)
		memcpy(name, raw, len + 1);
	return 0;
}

static bool has_allowed_name(const struct httpdtls *t, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t cert;
	char name[SAN_MAX];
	bool found = false;

	if (gnutls_x509_crt_init(&cert) < 0)
		return false;
	if (gnutls_x509_crt_import(cert, der, GNUTLS_X509_FMT_DER) == 0)
		for (unsigned i = 0; !found && read_name(cert, i, name) == 0; i++)
			found = is_allowed(t, name);
	gnutls_x509_crt_deinit(cert);
	return found;
}

/* The library has asked for a certificate, and for one that is required it ends the handshake itself. */
static bool client_is_welcome(const struct httpdtls *t, gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	const gnutls_datum_t *chain;
	unsigned count, status;

	if (t->client_auth < CLIENT_AUTH_VERIFY_IF_GIVEN)
		return true;
	chain = gnutls_certificate_get_peers(session, &count);
	if (!chain || !count)
		return t->client_auth == CLIENT_AUTH_VERIFY_IF_GIVEN;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0 || status)
		return false;
	return !t->sans || has_allowed_name(t, &chain[0]);
}

static int verify_client(gnutls_session_t session)
{
	if (client_is_welcome(gnutls_session_get_ptr(session), session))
		return 0;
	/* The HTTP library would only hang up. */
	(void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

void httpdtls_attach(const struct httpdtls *t, void *session)
{
	static const gnutls_certificate_request_t requests[] = {
		[CLIENT_AUTH_NONE] = GNUTLS_CERT_IGNORE,
		[CLIENT_AUTH_REQUEST] = GNUTLS_CERT_REQUEST,
		[CLIENT_AUTH_REQUIRE_ANY] = GNUTLS_CERT_REQUIRE,
		[CLIENT_AUTH_VERIFY_IF_GIVEN] = GNUTLS_CERT_REQUEST,
		[CLIENT_AUTH_REQUIRE_AND_VERIFY] = GNUTLS_CERT_REQUIRE,
	};

	(void)gnutls_priority_set(session, t->priority);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	gnutls_certificate_server_set_request(session, requests[t->client_auth]);
	/* libmicrohttpd keeps a pointer of its own here, which only its pre-shared keys need. */
	gnutls_session_set_ptr(session, (void *)t);
	gnutls_session_set_verify_function(session, verify_client);
}

static int no_certificate(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
	const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain,
	unsigned *count, gnutls_privkey_t *key)
{
	(void)session;
	(void)names;
	(void)name_count;
	(void)algorithms;
	(void)algorithm_count;
	(void)chain;
	(void)count;
	(void)key;
	return -1;
}

void *httpdtls_placeholder(void)
{
	gnutls_certificate_retrieve_function2 *callback = no_certificate;

	return (void *)callback;
}

/* --- versions and ciphers --- */

static void add_names(struct strbuf *out, const struct webconfig_name *names, uint32_t bits)
{
	for (size_t i = 0; names[i].name; i++)
		if (bits & 1U << i)
			strbuf_adds(out, names[i].priority);
}

static bool is_listed(const struct webconfig *c, unsigned id)
{
	for (size_t i = 0; webconfig_suites[i].name; i++)
		if (c->suites & 1U << i && webconfig_suites[i].id == id)
			return true;
	return false;
}

/* GnuTLS is told key exchanges, ciphers and hashes, and takes all their combinations. Those of TLS 1.3 are
 * nobody's choice in Go, and here at most fewer. */
static int check_suites(const struct httpdtls *t, const struct webconfig *c, struct err *err)
{
	unsigned index, usable = 0;
	int rc;

	for (unsigned i = 0; (rc = gnutls_priority_get_cipher_suite_index(t->priority, i,
				      &index)) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
		i++) {
		gnutls_kx_algorithm_t kx;
		gnutls_cipher_algorithm_t cipher;
		gnutls_mac_algorithm_t mac;
		gnutls_protocol_t least;
		unsigned char id[2];
		const char *name;

		name = rc < 0 ? NULL
			      : gnutls_cipher_suite_info(index, id, &kx, &cipher, &mac, &least);
		if (!name)
			continue;
		usable++;
		if (c->suites && id[0] != 0x13 && !is_listed(c, id[0] * 256U + id[1]))
			return err_set(err, ERR_CONFIG,
				"%s: cipher_suites: of these GnuTLS would make %s, too; list all "
				"combinations",
				c->source, name);
	}
	if (!usable)
		return err_set(err, ERR_CONFIG,
			"%s: cipher_suites: none is left for TLS %d.%d to %d.%d", c->source,
			c->min_version / 10, c->min_version % 10, c->max_version / 10,
			c->max_version % 10);
	return 0;
}

static int set_priority(struct httpdtls *t, const struct webconfig *c, struct err *err)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	int rc;

	strbuf_adds(&text, "NORMAL:-RSA:-VERS-ALL");
	for (int v = c->max_version; v >= c->min_version; v--)
		strbuf_addf(&text, ":+VERS-TLS%d.%d", v / 10, v % 10);
	if (c->suites) {
		strbuf_adds(&text, ":-KX-ALL:-CIPHER-ALL:-MAC-ALL");
		add_names(&text, webconfig_suites, c->suites);
	}
	if (c->curves) {
		strbuf_adds(&text, ":-GROUP-ALL");
		add_names(&text, webconfig_curves, c->curves);
	}
	if (c->prefer_server)
		strbuf_adds(&text, ":%SERVER_PRECEDENCE");
	rc = gnutls_priority_init(&t->priority, strbuf_str(&text), NULL);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, "%s: GnuTLS does not take '%s': %s", c->source,
			strbuf_str(&text), gnutls_strerror(rc));
	return check_suites(t, c, err);
}

/* --- files --- */

static const char *name_of(const struct webconfig *c, const struct webconfig_pem *pem)
{
	return pem->file ? pem->file : c->source;
}

static int read_pem(const struct webconfig_pem *pem, struct strbuf *out, struct err *err)
{
	if (pem->file)
		return readfile(pem->file, PEM_MAX, out, err);
	strbuf_adds(out, pem->text);
	return 0;
}

static gnutls_datum_t datum_of(const struct strbuf *text)
{
	return (gnutls_datum_t){(unsigned char *)strbuf_str(text), (unsigned)text->len};
}

static void note_end(struct httpdtls *t)
{
	gnutls_x509_crt_t *chain;
	unsigned count;
	time_t end;

	if (gnutls_certificate_get_x509_crt(t->credentials, 0, &chain, &count) < 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		end = gnutls_x509_crt_get_expiration_time(chain[i]);
		if (i == 0 && end != (time_t)-1)
			t->not_after = end;
		gnutls_x509_crt_deinit(chain[i]);
	}
	gnutls_free(chain);
}

static int load_certificate(struct httpdtls *t, const struct webconfig *c, struct err *err)
{
	struct strbuf cert CLEANUP(strbuf_release) = STRBUF_INIT;
	struct strbuf key CLEANUP(strbuf_release) = STRBUF_INIT;
	gnutls_datum_t cert_datum, key_datum;
	int rc;

	if (read_pem(&c->cert, &cert, err) != 0 || read_pem(&c->key, &key, err) != 0)
		return -1;
	cert_datum = datum_of(&cert);
	key_datum = datum_of(&key);
	rc = gnutls_certificate_set_x509_key_mem2(
		t->credentials, &cert_datum, &key_datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (key.data)
		explicit_bzero(key.data, key.len);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, "certificate '%s' with key '%s': %s",
			name_of(c, &c->cert), name_of(c, &c->key), gnutls_strerror(rc));
	note_end(t);
	return 0;
}

static int load_authority(struct httpdtls *t, const struct webconfig *c, struct err *err)
{
	struct strbuf pem CLEANUP(strbuf_release) = STRBUF_INIT;
	gnutls_datum_t datum;
	int rc;

	if (!c->client_ca.file && !c->client_ca.text)
		return 0;
	if (read_pem(&c->client_ca, &pem, err) != 0)
		return -1;
	datum = datum_of(&pem);
	rc = gnutls_certificate_set_x509_trust_mem(t->credentials, &datum, GNUTLS_X509_FMT_PEM);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, "authority of clients '%s': %s",
			name_of(c, &c->client_ca), gnutls_strerror(rc));
	if (rc == 0)
		return err_set(err, ERR_CONFIG, "authority of clients '%s': no certificate in it",
			name_of(c, &c->client_ca));
	return 0;
}

static void copy_names(struct httpdtls *t, const struct webconfig *c)
{
	t->client_auth = c->client_auth;
	if (!c->sans)
		return;
	t->san_count = c->san_count;
	t->sans = mem_zalloc(c->san_count + 1, sizeof(*t->sans));
	for (size_t i = 0; i < c->san_count; i++)
		t->sans[i] = mem_strdup(c->sans[i]);
}

struct httpdtls *httpdtls_new(const struct webconfig *c, struct err *err)
{
	struct httpdtls *t = mem_zalloc(1, sizeof(*t));

	copy_names(t, c);
	if (gnutls_certificate_allocate_credentials(&t->credentials) < 0)
		(void)err_set(err, ERR_CONFIG, "%s: GnuTLS has no memory", c->source);
	else if (load_certificate(t, c, err) == 0 && load_authority(t, c, err) == 0 &&
		 set_priority(t, c, err) == 0)
		return t;
	httpdtls_free(t);
	return NULL;
}

void httpdtls_free(struct httpdtls *t)
{
	if (!t)
		return;
	if (t->priority)
		gnutls_priority_deinit(t->priority);
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	for (size_t i = 0; i < t->san_count; i++)
		free(t->sans[i]);
	free(t->sans);
	free(t);
}

int64_t httpdtls_not_after(const struct httpdtls *t)
{
	return t->not_after;
}

/* --- digests --- */

static unsigned char digest_key[32];

static void make_key(void)
{
	/* Blocks only on a machine that has just started, and does not fail for so few bytes. */
	while (getrandom(digest_key, sizeof(digest_key), 0) != (ssize_t)sizeof(digest_key))
		;
}

void httpdtls_digest(const void *bytes, size_t len, unsigned char ret_digest[HTTPDTLS_DIGEST])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_key);
	(void)gnutls_hmac_fast(
		GNUTLS_MAC_SHA256, digest_key, sizeof(digest_key), bytes, len, ret_digest);
}
