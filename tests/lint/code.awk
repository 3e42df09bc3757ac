# code(): the current line of C without comments, and without what stands in quotes.
function code(    line, out, token) {
	line = $0
	out = ""
	if (FNR == 1)
		in_comment = 0
	while (line != "") {
		if (in_comment) {
			if (!match(line, /\*\//))
				return out
			in_comment = 0
		} else {
			if (!match(line, /\/\*|\/\/|"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/))
				return out line
			out = out substr(line, 1, RSTART - 1)
			token = substr(line, RSTART, 2)
			if (token == "//")
				return out
			if (token == "/*")
				in_comment = 1
			else
				out = out "\"\""
		}
		line = substr(line, RSTART + RLENGTH)
	}
	return out
}
