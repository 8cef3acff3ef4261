// Values of zoo.cfg as Apache's server reads them. Private to the room.
// Pure. Keys that its configuration parser reads itself are strict: a wrong value is refused. All others become Java
// properties, which are read where they are used, and there a wrong value mostly means the default: `word=nonsense` then
// starts Apache's server, so it starts ours, with a warning. Source: docs/PROVISIONING.md 1.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ensemble/properties.h"

namespace zk::ensemble {

Error invalid(const Property& property, std::string_view what);
Error unsupported(const Property& property, std::string_view what);

/// Decimal digits behind one sign (Integer.parseInt, Long.parseLong).
std::optional<std::int64_t> decimal(std::string_view text);
/// The same, or hexadecimal behind 0x or #, or octal behind 0 (Integer.getInteger); an int or nothing.
std::optional<std::int64_t> decoded(std::string_view text);

/// Strict: true or false in any case.
Result<bool> boolean(const Property& property);
/// From 0 to 1, in decimal. Apache's server takes others, and does not start with what is no number.
Result<double> fraction(const Property& property);
Result<std::string> text(const Property& property);

/// A word of which exactly one counts: what is not `no` is yes where yes is the standard, and the other way round.
bool yes_or_no(const Property& property, bool standard, std::string& warning);
/// Of Java's names of digests, in any case, the one that is kept ("SHA1" of "sha"); nothing for others.
std::optional<std::string_view> digest_algorithm(std::string_view name);
/// Of a Java property: everything but true is false.
bool property_boolean(const Property& property, std::string& warning);

}  // namespace zk::ensemble
