# SPDX-License-Identifier: ISC
# Compare what the page explains with what the sources print:
#
#	awk -f trouble.awk MESSAGES=heads FORMATS=formats
#
# heads has a line for each entry of the page, formats what messages.awk writes.
# A format belongs to the entries that it can have printed, with the object in
# front left out; an entry that no format can print is left over.

BEGIN {
	FS = "\t"
	while ((getline line <MESSAGES) > 0)
		head[++heads] = line
	while ((getline line <FORMATS) > 0) {
		split(line, field, "\t")
		check(field[1], field[2], field[3])
	}
	for (i = 1; i <= heads; i++)
		if (!used[i])
			print "man/fdpass-trouble.7: nothing prints this: " \
			    head[i]
}

function check(place, kind, format,  i, pattern, found) {
	while (match(format, /^%[-+ #0-9.*]*[hlzjt]*[a-zA-Z]: /))
		format = substr(format, RLENGTH + 1)
	if (kind == "operation")
		format = format ": %s"
	pattern = pattern_of(format)
	if (pattern !~ /[a-zA-Z]/)
		return
	for (i = 1; i <= heads; i++)
		if (head[i] ~ pattern)
			found = used[i] = 1
	if (!found)
		print place ": man/fdpass-trouble.7 does not explain \"" \
		    format "\". Add, in the order of MESSAGES:\n" \
		    entry_of(format) "\nWhat it means. What to do."
}

# What the format prints, as a regular expression.
function pattern_of(format) {
	gsub(/%[-+ #0-9.*]*[hlzjt]*[a-zA-Z]/, "\001", format)
	gsub(/[][\\.^$*+?(){}|]/, "\\\\&", format)
	gsub(/\001/, ".*", format)
	return "^" format "$"
}

# An entry of the page for it, with the words to be chosen.
function entry_of(format,  entry, text, is_glued) {
	entry = ".It"
	while (match(format, /%[-+ #0-9.*]*[hlzjt]*[a-zA-Z]/)) {
		text = substr(format, 1, RSTART - 1)
		entry = entry piece(text, is_glued)
		if (text != "" && text !~ / $/ || text == "" && is_glued)
			entry = entry " Ns"
		entry = entry " Ar words"
		format = substr(format, RSTART + RLENGTH)
		is_glued = 1
	}
	return entry piece(format, is_glued)
}

function piece(text, is_glued,  blank, end) {
	if (text ~ /^ *$/)
		return ""
	blank = text ~ /^ /
	gsub(/^ +| +$/, "", text)
	if (text ~ /[:,]$/) {
		end = " " substr(text, length(text))
		text = substr(text, 1, length(text) - 1)
	}
	if (text == "")
		return end
	return (is_glued && !blank ? " Ns" : "") " Li \"" text "\"" end
}
