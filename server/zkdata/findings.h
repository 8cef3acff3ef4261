// What a look at files has found. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zk::zkdata {

enum class Severity {
    note,     ///< good to know
    warning,  ///< a server helps itself, or the other kind of server does not take it
    error  ///< data are damaged, or a server would not start or would start from less than was there
};

struct Finding {
    Severity severity{};
    std::string file;
    std::optional<std::uint64_t> offset;
    std::string reason;
    std::string way_out;  ///< may be empty
};

class Findings {
  public:
    void add(Finding finding) { all_.push_back(std::move(finding)); }
    void note(std::string file, std::string reason) {
        add({Severity::note, std::move(file), std::nullopt, std::move(reason), {}});
    }
    void warning(std::string file, std::string reason, std::string way_out) {
        add({Severity::warning,
             std::move(file),
             std::nullopt,
             std::move(reason),
             std::move(way_out)});
    }
    void error(std::string file, std::string reason, std::string way_out) {
        add({Severity::error,
             std::move(file),
             std::nullopt,
             std::move(reason),
             std::move(way_out)});
    }
    [[nodiscard]] const std::vector<Finding>& all() const { return all_; }
    [[nodiscard]] bool any_error() const;

  private:
    std::vector<Finding> all_;
};

/// "error: FILE at offset 12: REASON" and, indented, the way out.
std::string finding_text(const Finding& finding);
/// One object in a line.
std::string finding_json(const Finding& finding);

}  // namespace zk::zkdata
