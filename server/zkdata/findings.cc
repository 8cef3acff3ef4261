#include "zkdata/findings.h"

#include <algorithm>
#include <string_view>

#include "cli/json.h"

namespace zk::zkdata {
namespace {
std::string_view severity_name(Severity severity) {
    if (severity == Severity::error) return "error";
    return severity == Severity::warning ? "warning" : "note";
}
}  // namespace

bool Findings::any_error() const {
    return std::ranges::any_of(
        all_, [](const Finding& finding) { return finding.severity == Severity::error; });
}

std::string finding_text(const Finding& finding) {
    std::string text = std::string(severity_name(finding.severity)) + ": " + finding.file;
    if (finding.offset) text += " at offset " + std::to_string(*finding.offset);
    text += ": " + finding.reason + "\n";
    if (!finding.way_out.empty()) text += "    " + finding.way_out + "\n";
    return text;
}

std::string finding_json(const Finding& finding) {
    cli::JsonObject object;
    object.text("kind", "finding")
        .text("severity", severity_name(finding.severity))
        .text("file", finding.file);
    if (finding.offset) object.number("offset", static_cast<std::int64_t>(*finding.offset));
    object.text("reason", finding.reason);
    if (!finding.way_out.empty()) object.text("wayOut", finding.way_out);
    return object.str() + "\n";
}

}  // namespace zk::zkdata
