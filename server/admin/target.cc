// What a request to the admin server asks for. See commands.h.
#include <algorithm>
#include <array>
#include <cctype>

#include "admin/commands.h"
#include "base/numbers.h"
#include "ensemble/properties.h"

namespace zk::admin {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

enum class Plus { itself, blank };

/// "%41" becomes "A". What is no such thing stays.
std::string decoded(std::string_view text, Plus plus) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                plain.push_back(static_cast<char>(high * 16 + low));
                i += 2;
                continue;
            }
        }
        plain.push_back(plus == Plus::blank && text[i] == '+' ? ' ' : text[i]);
    }
    return plain;
}

}  // namespace

std::optional<std::string> AdminTarget::parameter(std::string_view name) const {
    const auto found = std::find_if(
        parameters.begin(), parameters.end(), [&](const auto& one) { return one.first == name; });
    if (found == parameters.end()) return std::nullopt;
    return found->second;
}

AdminTarget read_target(std::string_view target, std::string_view command_url) {
    const std::size_t question = target.find('?');
    const std::string path = decoded(target.substr(0, question), Plus::itself);
    AdminTarget read;
    if (!std::string_view(path).starts_with(command_url)) return read;
    std::string_view rest = std::string_view(path).substr(command_url.size());
    if (!rest.empty() && rest.front() != '/') return read;
    if (!rest.empty()) rest.remove_prefix(1);
    if (rest.empty()) {
        read.kind = AdminTarget::Kind::list;
        return read;
    }
    read.kind = AdminTarget::Kind::command;
    read.command = rest;
    std::string_view query =
        question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view value =
            equals == pair.size() ? std::string_view() : pair.substr(equals + 1);
        read.parameters.emplace_back(decoded(pair.substr(0, equals), Plus::blank),
                                     decoded(value, Plus::blank));
    }
    return read;
}

bool names_a_secret(std::string_view key) {
    constexpr std::array kSecrets = {"passw", "digest", "secret", "credential", "token", "jaas"};
    const std::string small = ensemble::lower(key);
    // Names of algorithms, and switches.
    if (small.ends_with("digestalg") || small.ends_with("digest.enabled")) return false;
    return std::any_of(kSecrets.begin(), kSecrets.end(), [&](const char* secret) {
        return small.find(secret) != std::string::npos;
    });
}

std::string without_secrets(std::string_view text) {
    std::string shown;
    bool continues = false;  // the line before ended with a backslash
    bool hides = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        const bool whole = end < text.size();
        text.remove_prefix(whole ? end + 1 : end);
        const std::size_t begin = std::min(line.find_first_not_of(" \t\f"), line.size());
        const std::string_view rest = line.substr(begin);
        if (!continues) {
            const bool comment = !rest.empty() && (rest.front() == '#' || rest.front() == '!');
            // In a comment, too: a line that was switched off still tells.
            const std::size_t key_end = std::min(rest.find_first_of("=:"), rest.size());
            hides = names_a_secret(rest.substr(0, key_end));
            if (hides) {
                const std::size_t shown_end = std::min(begin + key_end + 1, line.size());
                shown.append(line.substr(0, shown_end)).append(key_end < rest.size() ? "***" : "");
                // A key that a blank ends: nothing behind its first word is shown.
                if (key_end == rest.size()) {
                    shown.resize(shown.size() - line.size());
                    const std::size_t blank = std::min(rest.find_first_of(" \t"), rest.size());
                    shown.append(line.substr(0, begin + blank)).append(" ***");
                }
            } else {
                shown += line;
            }
            continues = !comment;
        } else if (!hides) {
            shown += line;
        }
        const std::size_t last = line.find_last_not_of('\\');
        const std::size_t backslashes =
            line.size() - (last == std::string_view::npos ? 0 : last + 1);
        continues = continues && backslashes % 2 == 1;
        // What is hidden goes on: its lines become one.
        if (whole && !(hides && continues)) shown += '\n';
    }
    return shown;
}

}  // namespace zk::admin
