// YAML text into a plain tree of values that know their line and column.
// Pure. The only place that knows yaml-cpp is yaml_reader.cc; everybody else sees Value, Mark and
// Diagnostics. Anchors, aliases, tags and several documents in one file are refused: an inventory
// does not need them, and each of them lets a reader of the file be surprised.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zk::inventory {

/// A place in a file, counted from 1. {0, 0} is the file as a whole.
struct Mark {
    int line = 0;
    int column = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
};

/// One thing wrong (or doubtful) with a file: where, at which key, and what to write instead.
struct Problem {
    enum class Level { warning, error };
    Level level = Level::error;
    Mark mark;
    std::string key;    ///< dotted path such as "nodes[0].host"; empty when no key is concerned
    std::string words;  ///< what is wrong; what to write instead

    friend bool operator==(const Problem&, const Problem&) = default;
};

/// Collects what a reader finds, so that one run tells all mistakes and not just the first.
class Diagnostics {
  public:
    explicit Diagnostics(std::string file) : file_(std::move(file)) {}

    void error(Mark mark, std::string key, std::string words);
    void warn(Mark mark, std::string key, std::string words);

    [[nodiscard]] bool has_errors() const { return error_count_ > 0; }
    [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }
    /// "inventory.yaml:7:5: error: nodes[0].id: ..." for one problem, without a line end.
    [[nodiscard]] std::string format(const Problem& problem) const;
    /// All problems, errors and warnings in the order of the file, one per line.
    [[nodiscard]] std::string format_all() const;

  private:
    std::string file_;
    std::vector<Problem> problems_;
    std::size_t error_count_ = 0;
};

/// One YAML value with its place.
struct Value {
    enum class Kind { null, scalar, list, map };
    struct Entry;

    Kind kind = Kind::null;
    Mark mark;
    std::string scalar;        ///< text of a scalar
    bool quoted = false;       ///< the scalar was written in quotes, so it is text and nothing else
    std::vector<Value> items;  ///< elements of a list
    std::vector<Entry> entries;  ///< entries of a map, in the order of the file, keys unique
};
struct Value::Entry {
    std::string key;
    Mark key_mark;
    Value value;
};

/// Largest inventory file that is read, in bytes.
inline constexpr std::size_t kYamlBytesMax = 1 << 20;

/// Reads one YAML document. Problems (syntax, tabs used as indentation, keys given twice, anchors)
/// go to `diagnostics`; then the value returned may be incomplete. Never throws and never crashes,
/// whatever the bytes.
Value parse_yaml(std::string_view text, Diagnostics& diagnostics);

}  // namespace zk::inventory
