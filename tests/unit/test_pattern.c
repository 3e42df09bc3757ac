#include "common/pattern.h"

#include "tests/tap.h"

static void test_matches(void)
{
	static const struct {
		const char *name, *text, *subject;
		bool want;
	} rows[] = {
		{"an empty pattern matches all", "", "orders", true},
		{"a pattern matches anywhere", "der", "orders", true},
		{"unless it is anchored", "^der", "orders", false},
		{"^$ is the empty name only", "^$", "orders", false},
		{"^$ is the empty name", "^$", "", true},
		{"the dollar is the very end", "^orders$", "orders\n", false},
		{"\\z as well", "^orders\\z", "orders", true},
		{"(?i) ignores case", "(?i)ORD", "orders", true},
		{"also of letters beyond ASCII", "(?i)^Ü", "ümlaut", true},
		{"flags may be for a group only", "(?i:O)rders", "ORDERS", false},
		{"(?P<name>) is a group", "(?P<first>o)(?<second>r)", "orders", true},
		{"\\pL is a letter", "^\\pL+$", "grün", true},
		{"\\p{Greek} is a script", "^\\p{Greek}$", "λ", true},
		{"a dot is one character, not one byte", "^...$", "aün", true},
		{"\\w is ASCII only", "^\\w$", "ü", false},
		{"[[:alpha:]] is a class", "^[[:alpha:]-]+$", "a-b", true},
		{"a bracket may begin a class", "^[]x]+$", "]x", true},
		{"and a negated one", "^[^]x]+$", "ab", true},
		{"quantifiers may be lazy", "^o.*?s{1,2}?$", "orders", true},
		{"a brace without a number is itself", "^a{,2}$", "a{,2}", true},
		{"\\Q quotes to \\E", "^\\Qa(?=+\\E+$", "a(?=++", true},
		{"or to the end", "\\Q(?=", "(?=", true},
		{"a plus may be quantified when escaped", "^\\++$", "++", true},
		{"octal and hexadecimal escapes", "^\\101\\x42\\x{43}$", "ABC", true},
		{"bytes that are not UTF-8 are no match for letters", "^\\pL+$", "a\xff", false},
		{"and hinder nothing else", "^a", "a\xff", true},
		{"what runs away is no match", "^(a|a|a)*$",
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct pattern *p = pattern_new(rows[i].text, &err);

		TAP_STR(rows[i].name, err.msg, "");
		if (p)
			TAP_INT(rows[i].name, pattern_matches(p, rows[i].subject), rows[i].want);
		pattern_free(p);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *name, *text, *error;
	} rows[] = {
		{"lookahead", "a(?=b)", "from character 2 on: (?=b)"},
		{"negative lookahead", "^(?!x)", "from character 2 on"},
		{"lookbehind", "(?<=a)b", "from character 1 on"},
		{"negative lookbehind", "(?<!a)b", "from character 1 on"},
		{"backreference", "(a)\\1", "from character 4 on: \\1"},
		{"named backreference", "(?P<n>a)(?P=n)", "from character 9 on"},
		{"the same by \\k", "(?<n>a)\\k<n>", "from character 8 on"},
		{"recursion", "(a(?R)?)", "from character 3 on"},
		{"atomic group", "(?>a)", "from character 1 on"},
		{"branch reset", "(?|a|b)", "from character 1 on"},
		{"condition", "(?(1)a)", "from character 1 on"},
		{"comment", "(?#a)", "from character 1 on"},
		{"flags that RE2 lacks", "(?x)a", "from character 1 on"},
		{"verb", "(*UTF)a", "from character 1 on: (*UTF)"},
		{"possessive quantifier", "a++", "from character 2 on: ++"},
		{"possessive repetition", "a{2}+", "from character 2 on"},
		{"\\K", "a\\Kb", "from character 2 on"},
		{"\\R", "\\R", "from character 1 on"},
		{"\\Z", "a\\Z", "from character 2 on"},
		{"\\h in a class", "[\\h]", "from character 1 on"},
		{"word boundaries in brackets", "[[:<:]]a", "from character 1 on"},
		{"a group that does not end", "a(b", "missing closing parenthesis"},
		{"a class that does not end", "a[b", "missing terminating ]"},
		{"a backslash at the end", "a\\", "at end of pattern"},
		{"a quantifier of nothing", "*a", "does not follow a repeatable item"},
		{"a pattern that is not UTF-8", "a\xff", "UTF-8 error"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct pattern *p = pattern_new(rows[i].text, &err);

		TAP_TRUE(rows[i].name, !p);
		TAP_INT(rows[i].name, err.kind, ERR_CONFIG);
		TAP_HAS(rows[i].name, err.msg, rows[i].error);
		TAP_HAS(rows[i].name, err.msg, rows[i].text);
		pattern_free(p);
	}
}

int main(void)
{
	test_matches();
	test_refused();
	return tap_done();
}
