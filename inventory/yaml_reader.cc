// Events of yaml-cpp's parser into our own tree. The event interface (and not YAML::Node) is used
// because it gives keys given twice, quotes, anchors and the mark of every key.
#include "inventory/yaml_reader.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace zk::inventory {
namespace {

constexpr std::size_t kDepthMax = 32;

/// Thrown to leave yaml-cpp's parser; the problem is in the diagnostics already.
struct Stop : std::exception {};

Mark mark_of(const YAML::Mark& mark) {
    if (mark.is_null()) return {};
    return {mark.line + 1, mark.column + 1};
}

class TreeBuilder final : public YAML::EventHandler {
  public:
    explicit TreeBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    Value take_root() { return std::move(root_); }
    /// Where the document begins.
    [[nodiscard]] Mark start() const { return start_; }

    void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark_of(mark); }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        refuse_anchor(mark, anchor);
        Value value;
        value.mark = mark_of(mark);
        add(std::move(value));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        fail(mark_of(mark), "aliases (*name) are not supported; write the value out");
    }
    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& text) override {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        Value value;
        value.mark = mark_of(mark);
        value.quoted = tag == "!";
        const bool is_null = !value.quoted && (text.empty() || text == "~" || text == "null");
        value.kind = is_null ? Value::Kind::null : Value::Kind::scalar;
        value.scalar = text;
        add(std::move(value));
    }
    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Value::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark,
                    const std::string& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Value::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    /// A list or map that is being filled; a map alternates between key and value.
    struct Open {
        Value value;
        bool has_key = false;
        bool drop_value = false;
        std::string key;
        Mark key_mark;
    };

    [[noreturn]] void fail(Mark mark, std::string words) {
        diagnostics_.error(mark, {}, std::move(words));
        throw Stop{};
    }
    void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (anchor != 0) {
            fail(mark_of(mark), "anchors (&name) are not supported; write the value out");
        }
    }
    void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (!tag.empty() && tag != "!" && tag != "?") {
            fail(mark_of(mark), "tags (" + tag + ") are not supported; remove the tag");
        }
    }
    void open(Value::Kind kind,
              const YAML::Mark& mark,
              const std::string& tag,
              YAML::anchor_t anchor) {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        if (stack_.size() >= kDepthMax) fail(mark_of(mark), "values are nested too deeply");
        Open next;
        next.value.kind = kind;
        next.value.mark = mark_of(mark);
        stack_.push_back(std::move(next));
    }
    void close() {
        Value value = std::move(stack_.back().value);
        stack_.pop_back();
        add(std::move(value));
    }
    void add(Value value) {
        if (stack_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open& top = stack_.back();
        if (top.value.kind == Value::Kind::list) {
            top.value.items.push_back(std::move(value));
        } else if (!top.has_key) {
            start_entry(top, std::move(value));
        } else {
            if (!top.drop_value) {
                top.value.entries.push_back(
                    Value::Entry{std::move(top.key), top.key_mark, std::move(value)});
            }
            top.has_key = false;
        }
    }
    void start_entry(Open& top, Value key) {
        if (key.kind != Value::Kind::scalar) fail(key.mark, "a key must be a word");
        const auto& entries = top.value.entries;
        const auto first = std::ranges::find(entries, key.scalar, &Value::Entry::key);
        top.drop_value = first != entries.end();
        if (top.drop_value) {
            diagnostics_.error(key.mark,
                               key.scalar,
                               "this key was given before, in line " +
                                   std::to_string(first->key_mark.line) + "; keep one of the two");
        }
        top.has_key = true;
        top.key = std::move(key.scalar);
        top.key_mark = key.mark;
    }

    Diagnostics& diagnostics_;
    std::vector<Open> stack_;
    Value root_;
    Mark start_;
};

/// YAML allows no tab in indentation; yaml-cpp's own message for that is of no help to anybody.
bool check_bytes(std::string_view text, Diagnostics& diagnostics) {
    if (text.size() > kYamlBytesMax) {
        diagnostics.error({}, {}, "the file is larger than 1 MiB; an inventory is not");
        return false;
    }
    int line = 1;
    int column = 1;
    bool indentation = true;
    bool good = true;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\t' && indentation) {
            diagnostics.error(
                {line, column}, {}, "a tab is used as indentation; use spaces (two per level)");
            good = false;
            indentation = false;
        }
        if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) {
            diagnostics.error(
                {line, column}, {}, "the file contains a control character; remove it");
            return false;
        }
        if (c != ' ' && c != '\t') indentation = false;
        ++column;
        if (c == '\n') {
            ++line;
            column = 1;
            indentation = true;
        }
    }
    return good;
}

/// Length of the UTF-8 sequence that starts at `at`; 0 when it is malformed.
std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = 0;
    if (first < 0x80) length = 1;
    if (first >= 0xc2 && first <= 0xdf) length = 2;
    if (first >= 0xe0 && first <= 0xef) length = 3;
    if (first >= 0xf0 && first <= 0xf4) length = 4;
    if (length == 0 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
    }
    return length;
}

bool check_utf8(std::string_view text, Diagnostics& diagnostics) {
    int line = 1;
    int column = 1;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        if (length == 0) {
            diagnostics.error({line, column}, {}, "the file is not UTF-8 text; save it as UTF-8");
            return false;
        }
        ++column;
        if (text[at] == '\n') {
            ++line;
            column = 1;
        }
        at += length;
    }
    return true;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Where in `line` an unquoted [range] is glued to other text, as in h[1-3].lan: YAML takes the bracket in a flow map for
/// the end of the value, or for a list that text follows. Counted from 0; npos: nowhere.
std::size_t find_glued_range(std::string_view line) {
    char quote = '\0';
    for (std::size_t at = 0; at < line.size(); ++at) {
        const char c = line[at];
        if (quote != '\0') {
            if (c == quote) quote = '\0';
            continue;
        }
        if (c == '"' || c == '\'') quote = c;
        if (c == '#' && (at == 0 || is_blank(line[at - 1]))) break;
        if (c != '[') continue;
        const std::size_t end = line.find_first_not_of("0123456789-", at + 1);
        if (end == std::string_view::npos || line[end] != ']' || end == at + 1) continue;
        const std::string_view before = line.substr(0, at);
        const std::string_view behind = line.substr(end + 1);
        const bool glued_before =
            !before.empty() && before.find_last_of(" \t,:{[") + 1 != before.size();
        const bool glued_behind = !behind.empty() && behind.find_first_of(" \t\r,:}]#") != 0;
        if (glued_before || glued_behind) return at;
    }
    return std::string_view::npos;
}

/// The mistake behind a syntax error in `line`, when it is the one that everybody makes: a range without quotes. Said at
/// the line where it stands, which may be above the one where YAML gave up.
bool tell_unquoted_range(std::string_view text, int line, Diagnostics& diagnostics) {
    std::vector<std::string_view> lines;
    for (std::size_t begin = 0; begin <= text.size() && static_cast<int>(lines.size()) < line;) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    for (int back = 0; back < 2 && !lines.empty(); ++back) {
        const std::size_t at = find_glued_range(lines.back());
        if (at != std::string_view::npos) {
            const std::string_view range =
                lines.back().substr(at, lines.back().find(']', at) + 1 - at);
            diagnostics.error({static_cast<int>(lines.size()), static_cast<int>(at) + 1},
                              {},
                              "not valid YAML: a value with the range " + std::string(range) +
                                  " needs quotes here, such as \"h" + std::string(range) + "\"");
            return true;
        }
        lines.pop_back();
    }
    return false;
}

}  // namespace

void Diagnostics::error(Mark mark, std::string key, std::string words) {
    ++error_count_;
    problems_.push_back({Problem::Level::error, mark, std::move(key), std::move(words)});
}

void Diagnostics::warn(Mark mark, std::string key, std::string words) {
    problems_.push_back({Problem::Level::warning, mark, std::move(key), std::move(words)});
}

std::string Diagnostics::format(const Problem& problem) const {
    std::string text = file_;
    if (problem.mark.line > 0) {
        text += ':' + std::to_string(problem.mark.line) + ':' + std::to_string(problem.mark.column);
    }
    text += problem.level == Problem::Level::error ? ": error: " : ": warning: ";
    if (!problem.key.empty()) text += problem.key + ": ";
    return text + problem.words;
}

std::string Diagnostics::format_all() const {
    std::vector<Problem> sorted = problems_;
    std::ranges::stable_sort(sorted, [](const Problem& a, const Problem& b) {
        return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
    });
    std::string text;
    for (const Problem& problem : sorted) text += format(problem) + '\n';
    return text;
}

Value parse_yaml(std::string_view text, Diagnostics& diagnostics) {
    if (!check_bytes(text, diagnostics) || !check_utf8(text, diagnostics)) return {};
    std::istringstream stream{std::string(text)};
    TreeBuilder builder(diagnostics);
    try {
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder)) return {};
        TreeBuilder second(diagnostics);
        if (parser.HandleNextDocument(second)) {
            diagnostics.error(second.start(),
                              {},
                              "a second YAML document begins here; keep one (one --- at most)");
        }
    } catch (const Stop&) {
        return {};
    } catch (const YAML::Exception& exception) {
        const Mark mark = mark_of(exception.mark);
        if (!tell_unquoted_range(text, mark.line, diagnostics)) {
            diagnostics.error(mark, {}, "not valid YAML: " + exception.msg);
        }
        return {};
    } catch (const std::exception& exception) {
        diagnostics.error({}, {}, std::string("not valid YAML: ") + exception.what());
        return {};
    }
    return builder.take_root();
}

}  // namespace zk::inventory
