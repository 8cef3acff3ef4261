#include "ensemble/properties.h"

#include <fmt/core.h>

#include "base/numbers.h"

namespace zk::ensemble {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

std::string_view skip_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    return text;
}

std::string trimmed(std::string text) {
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
    std::size_t begin = 0;
    while (begin < text.size() && static_cast<unsigned char>(text[begin]) <= ' ') ++begin;
    return text.substr(begin);
}

/// Natural lines, ended by \n, \r or \r\n.
class Lines {
  public:
    explicit Lines(std::string_view text) : rest_(text) {}
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] int number() const { return number_; }
    std::string_view next() {
        const std::size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
        const std::string_view line = rest_.substr(0, end);
        const bool crlf = rest_.substr(end).starts_with("\r\n");
        rest_.remove_prefix(std::min(rest_.size(), end + (crlf ? 2U : 1U)));
        ++number_;
        return line;
    }

  private:
    std::string_view rest_;
    int number_ = 0;
};

bool continues(std::string_view line) {
    std::size_t backslashes = 0;
    while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
}

void append_utf8(std::string& out, unsigned code_unit) {
    if (code_unit < 0x80) {
        out += static_cast<char>(code_unit);
    } else if (code_unit < 0x800) {
        out += static_cast<char>(0xc0 | code_unit >> 6);
        out += static_cast<char>(0x80 | (code_unit & 0x3f));
    } else {
        out += static_cast<char>(0xe0 | code_unit >> 12);
        out += static_cast<char>(0x80 | (code_unit >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (code_unit & 0x3f));
    }
}

/// Resolves escapes; false on a broken \uXXXX.
// NOLINTNEXTLINE(readability-function-size): a switch in a loop
bool unescape(std::string_view raw, std::string& out) {
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\' || ++i == raw.size()) {
            if (i < raw.size()) out += raw[i];
            continue;
        }
        switch (raw[i]) {
            case 't':
                out += '\t';
                break;
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 'f':
                out += '\f';
                break;
            case 'u': {
                const std::string_view digits = raw.substr(i + 1, 4);
                const auto code_unit = parse_number<unsigned>(digits, 16);
                if (digits.size() != 4 || !code_unit) return false;
                append_utf8(out, *code_unit);
                i += 4;
                break;
            }
            default:
                out += raw[i];
        }
    }
    return true;
}

/// Length of the key at the start of a logical line: up to the first separator that is not escaped.
std::size_t key_length(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') {
            ++i;
        } else if (line[i] == '=' || line[i] == ':' || is_blank(line[i])) {
            return i;
        }
    }
    return line.size();
}

}  // namespace

Result<std::vector<Property>> read_properties(std::string_view text, std::string_view source) {
    std::vector<Property> properties;
    Lines lines(text);
    while (!lines.at_end()) {
        std::string logical(skip_blanks(lines.next()));
        if (logical.empty() || logical[0] == '#' || logical[0] == '!') continue;
        const int first_line = lines.number();
        while (continues(logical)) {
            logical.pop_back();
            if (lines.at_end()) break;
            logical += skip_blanks(lines.next());
        }
        std::string_view rest = logical;
        const std::string_view raw_key = rest.substr(0, key_length(rest));
        rest = skip_blanks(rest.substr(raw_key.size()));
        if (!rest.empty() && (rest[0] == '=' || rest[0] == ':')) rest = skip_blanks(rest.substr(1));
        Property property;
        property.line = first_line;
        if (!unescape(raw_key, property.key) || !unescape(rest, property.value)) {
            return Error(Errc::invalid,
                         fmt::format("{}:{}: \\u must be followed by four hex digits; write a "
                                     "backslash as \\\\",
                                     source,
                                     first_line));
        }
        property.key = trimmed(std::move(property.key));
        property.value = trimmed(std::move(property.value));
        properties.push_back(std::move(property));
    }
    return properties;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

}  // namespace zk::ensemble
