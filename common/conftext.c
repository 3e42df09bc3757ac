#include "common/conftext.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/confinclude.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/readfile.h"

#define FILE_MAX ((size_t)4 << 20)
#define TEXT_MAX ((size_t)32 << 20)
#define FILES_MAX 10000
#define DEPTH_MAX 10

#define INCLUDE "@include"
#define INCLUDE_LEN (sizeof(INCLUDE) - 1)

/* What all files of a text share while it is put together. */
struct join {
	struct conftext *t;
	struct conf_errors *errors;
	struct open { /* brackets that are */
		char bracket;
		unsigned line; /* of its file */
	} * open;
	size_t open_count;
	char last; /* character that is neither white nor a comment's */
};

/* One file. */
struct scan {
	struct join *join;
	const struct scan *up; /* the file that includes this one; NULL: none does */
	struct filemark mark;
	const char *at, *file;
	unsigned line;
	size_t open_before; /* brackets of the files above */
};

static int scan(struct scan *s);

static PRINTF_LIKE(3, 4) int complain(const struct scan *s, unsigned line, const char *fmt, ...)
{
	struct strbuf *text = &s->join->errors->text;
	char message[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	strbuf_addf(text, "%s:%u: %s\n", s->file, line, message);
	s->join->errors->count++;
	return -1;
}

/* From here on the text is that of `s`. */
static void begin_run(struct scan *s)
{
	struct conftext *t = s->join->t;

	*(struct conftext_run *)mem_append(&t->runs, t->run_count, sizeof(*t->runs)) =
		(struct conftext_run){t->line, s->file, s->line};
	t->run_count++;
}

static void copy(struct scan *s, size_t n)
{
	struct conftext *t = s->join->t;

	for (size_t i = 0; i < n; i++)
		if (s->at[i] == '\n') {
			s->line++;
			t->line++;
		}
	strbuf_add(&t->text, s->at, n);
	s->at += n;
}

/* The library tells of a string or a comment without an end, but where another file follows, and leaks the
 * string (1.5). */
static int check_ended(const struct scan *s, bool ended, unsigned line, const char *what)
{
	return ended ? 0 : complain(s, line, "%s does not end in this file", what);
}

static int copy_string(struct scan *s)
{
	unsigned line = s->line;
	size_t n = 1;
	bool ended;

	while (s->at[n] && s->at[n] != '"')
		n += s->at[n] == '\\' && s->at[n + 1] ? 2 : 1;
	ended = s->at[n] != '\0';
	copy(s, ended ? n + 1 : n);
	s->join->last = '"';
	return check_ended(s, ended, line, "a string");
}

/* At a comment: its length without the final newline; 0 elsewhere. */
static size_t comment_length(const char *at, bool *ret_ended)
{
	const char *end;

	*ret_ended = true;
	if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
		return strcspn(at, "\n");
	if (at[0] == '/' && at[1] == '*') {
		end = strstr(at + 2, "*/");
		*ret_ended = end != NULL;
		return end ? (size_t)(end + 2 - at) : strlen(at);
	}
	return 0;
}

static int copy_comment(struct scan *s, size_t length, bool ended)
{
	unsigned line = s->line;

	copy(s, length);
	return check_ended(s, ended, line, "a comment");
}

/* A word is a name, a number or what looks like one; only integers without a suffix matter. */
static void copy_word(struct scan *s)
{
	struct conftext *t = s->join->t;
	bool hex = s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X');
	size_t n = hex ? 2 : strspn(s->at, "+-");
	size_t digits = strspn(s->at + n, hex ? "0123456789abcdefABCDEF" : "0123456789");
	long long value;

	n += digits;
	while (isalnum((unsigned char)s->at[n]) || strchr("_*.-+", s->at[n] ? s->at[n] : ' ')) {
		n++;
		digits = 0;
	}
	errno = 0;
	value = digits ? strtoll(s->at, NULL, hex ? 16 : 10) : 0;
	copy(s, n ? n : 1);
	s->join->last = s->at[-1];
	if (value < INT32_MIN || value > INT32_MAX) {
		*(struct conftext_wide *)mem_append(&t->wide, t->wide_count, sizeof(*t->wide)) =
			(struct conftext_wide){t->line, value};
		t->wide_count++;
		if (errno == ERANGE) { /* longer than 64 bits: the saturated value instead */
			t->text.len -= n;
			strbuf_addi(&t->text, value);
		}
		strbuf_addc(&t->text, 'L');
	}
}

/* A file closes what it opens, so that one that is cut off is told from one that is whole. Of the
 * outermost one the library tells. */
static int copy_bracket(struct scan *s)
{
	struct join *j = s->join;
	char c = *s->at;
	unsigned line = s->line;

	copy(s, 1);
	j->last = c;
	if (strchr("{([", c)) {
		*(struct open *)mem_append(&j->open, j->open_count, sizeof(*j->open)) =
			(struct open){c, line};
		j->open_count++;
		return 0;
	}
	if (j->open_count > s->open_before)
		j->open_count--;
	else if (s->up)
		return complain(s, line, "'%c' closes what this file has not opened", c);
	return 0;
}

/* --- included files --- */

static struct conf_file *note_file(struct conftext *t, const char *path)
{
	struct conf_files *files = t->files;
	struct conf_file *f = mem_append(&files->items, files->count, sizeof(*files->items));

	f->path = mem_strdup(path);
	filemark_take(&f->mark, path); /* before it is read, so that no change goes unseen */
	files->count++;
	return f;
}

static int read_text(const char *path, struct strbuf *text, struct err *err)
{
	if (readfile(path, FILE_MAX, text, err) < 0)
		return -1;
	if (text->len == 0)
		return err_set(err, ERR_CONFIG, "%s: is empty", path);
	if (strlen(text->data) != text->len)
		return err_set(err, ERR_CONFIG, "%s: contains a NUL byte", path);
	return 0;
}

/* A pipe could be waited for without an end. */
static int read_included(const char *path, struct strbuf *text, struct err *err)
{
	struct stat s;

	if (stat(path, &s) == 0 && !S_ISREG(s.st_mode))
		return err_set(err, ERR_CONFIG, "%s: is not a regular file", path);
	return read_text(path, text, err);
}

/* The same file by whatever path, or NULL. */
static const struct scan *includer(const struct scan *s, const struct filemark *mark)
{
	while (s && (s->mark.device != mark->device || s->mark.inode != mark->inode))
		s = s->up;
	return s;
}

static size_t depth_of(const struct scan *s)
{
	size_t depth = 0;

	for (; s->up; s = s->up)
		depth++;
	return depth;
}

/* Of a file that is there. */
static int check_limits(const struct scan *s, const struct filemark *mark, const char *path)
{
	struct conftext *t = s->join->t;

	if (mark->inode && includer(s, mark))
		return complain(s, s->line, INCLUDE ": %s includes itself", path);
	if (depth_of(s) >= DEPTH_MAX)
		return complain(
			s, s->line, INCLUDE ": %s: is more than %d files deep", path, DEPTH_MAX);
	if (t->files->count > FILES_MAX)
		return complain(
			s, s->line, INCLUDE ": %s: is one of more than %d files", path, FILES_MAX);
	if (t->text.len > TEXT_MAX)
		return complain(s, s->line, INCLUDE ": %s: all files have more than %zu bytes",
			path, TEXT_MAX);
	return 0;
}

static int include_file(struct scan *s, const char *path)
{
	struct join *j = s->join;
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	const struct conf_file *f = note_file(j->t, path);
	struct scan inner = {.join = j,
		.up = s,
		.mark = f->mark,
		.file = f->path,
		.line = 1,
		.open_before = j->open_count};
	struct err err = {0};

	if (check_limits(s, &f->mark, path) < 0)
		return -1;
	if (read_included(path, &text, &err) < 0)
		return complain(s, s->line, INCLUDE ": %s", err.msg);
	inner.at = text.data;
	begin_run(&inner);
	if (scan(&inner) < 0)
		return -1;
	if (j->open_count > inner.open_before)
		return complain(&inner, j->open[j->open_count - 1].line,
			"'%c' is not closed in this file", j->open[j->open_count - 1].bracket);
	/* A line of the text has one origin. */
	strbuf_addc(&j->t->text, '\n');
	j->t->line++;
	return 0;
}

/* The files of a pattern in a list are so many elements of it. */
static void add_comma(struct join *j)
{
	char around = j->open_count ? j->open[j->open_count - 1].bracket : '{';

	if (around != '{' && j->last != ',')
		strbuf_addc(&j->t->text, ',');
}

/* At @include: the name after it, of malloc(), and the position behind. NULL: there is none. */
static char *included_name(const char **at)
{
	struct strbuf name = STRBUF_INIT;
	const char *c = *at + INCLUDE_LEN;

	c += strspn(c, " \t");
	if (*c++ != '"')
		return NULL;
	for (; *c && *c != '"' && *c != '\n'; c++) {
		if (*c == '\\' && (c[1] == '"' || c[1] == '\\'))
			c++;
		strbuf_addc(&name, *c);
	}
	if (*c != '"' || !name.len) {
		strbuf_release(&name);
		return NULL;
	}
	*at = c + 1;
	return strbuf_take(&name);
}

static int copy_included(struct scan *s)
{
	struct conftext *t = s->join->t;
	char *CLEANUP(mem_free_at) name = included_name(&s->at),
				   *CLEANUP(mem_free_at) folder = NULL;
	struct conf_strings CLEANUP(conf_strings_release) paths = {0};
	struct err err = {0};
	int rc;

	if (!name)
		return complain(s, s->line, INCLUDE " wants the name of a file in quotes");
	rc = confinclude_find(name, s->file, &paths, &folder, &err);
	if (folder)
		(void)note_file(t, folder);
	if (rc < 0)
		return complain(s, s->line, INCLUDE ": %s", err.msg);
	strbuf_addc(&t->text, '\n');
	t->line++;
	for (size_t i = 0; i < paths.count && rc == 0; i++) {
		if (i)
			add_comma(s->join);
		rc = include_file(s, paths.items[i]);
	}
	begin_run(s);
	return rc;
}

/* Recurses by files, DEPTH_MAX deep. */
static int scan(struct scan *s)
{
	int rc = 0;

	while (*s->at && rc == 0) {
		bool ended;
		size_t comment = comment_length(s->at, &ended);

		if (comment)
			rc = copy_comment(s, comment, ended);
		else if (*s->at == '"')
			rc = copy_string(s);
		else if (strchr("{([])}", *s->at))
			rc = copy_bracket(s);
		else if (strncmp(s->at, INCLUDE, INCLUDE_LEN) == 0)
			rc = copy_included(s);
		else if (isspace((unsigned char)*s->at))
			copy(s, 1);
		else
			copy_word(s);
	}
	return rc;
}

static int scan_outermost(struct conftext *t, struct scan *s, struct conf_errors *errors)
{
	struct join j = {.t = t, .errors = errors};
	int rc;

	s->join = &j;
	s->line = t->line = 1;
	begin_run(s);
	rc = scan(s);
	free(j.open);
	return rc;
}

int conftext_parse(
	struct conftext *t, const char *text, const char *name, struct conf_errors *errors)
{
	struct scan s = {.at = text, .file = name};

	return scan_outermost(t, &s, errors);
}

int conftext_read(struct conftext *t, const char *path, struct conf_errors *errors)
{
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	const struct conf_file *f = note_file(t, path);
	struct scan s = {.file = f->path, .mark = f->mark};
	struct err err = {0};

	if (read_text(path, &text, &err) < 0) {
		strbuf_addf(&errors->text, "%s\n", err.msg);
		errors->count++;
		return -1;
	}
	s.at = text.data;
	return scan_outermost(t, &s, errors);
}

void conftext_release(struct conftext *t)
{
	strbuf_release(&t->text);
	free(t->wide);
	free(t->runs);
}

const char *conftext_place(const struct conftext *t, unsigned line, unsigned *ret_line)
{
	size_t low = 0, high = t->run_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (t->runs[middle].first <= line)
			low = middle;
		else
			high = middle;
	}
	*ret_line = line ? t->runs[low].file_line + line - t->runs[low].first : 0;
	return t->runs[low].file;
}

bool conftext_is_wide(const struct conftext *t, unsigned line, int64_t value)
{
	for (size_t i = 0; i < t->wide_count; i++)
		if (t->wide[i].line == line && t->wide[i].value == value)
			return true;
	return false;
}
