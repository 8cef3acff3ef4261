#include "image/java_flags.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "ensemble/config_keys.h"

namespace zk::image {
namespace {

using ensemble::ConfigKey;
using ensemble::Property;

constexpr std::string_view kZookeeper = "zookeeper.";
constexpr std::string_view kBlanks = " \t\n\r\f\v";
/// Properties that Apache's server knows without the prefix; those that end with a dot are families.
constexpr std::array<std::string_view, 6> kWithoutPrefix = {"jute.maxbuffer",
                                                            "readonlymode.enabled",
                                                            "znode.container.",
                                                            "follower.nodelay",
                                                            "leader.nodelay",
                                                            "java.security.auth.login.config"};
/// The one key of the parser that is read as a property, too: by the reader of server.N lines.
constexpr std::string_view kAlsoAProperty = "multiAddress.enabled";

bool is_without_prefix(std::string_view name) {
    return std::ranges::any_of(kWithoutPrefix, [name](std::string_view known) {
        return known.ends_with('.') ? name.starts_with(known) : name == known;
    });
}

/// Keys that the parser of zoo.cfg takes itself: nobody looks for them among the properties.
bool is_of_the_file_only(const ConfigKey& key, std::string_view name) {
    if (name == kAlsoAProperty) return false;
    return name.starts_with("metricsProvider.") || key.source == "QuorumPeerConfig" ||
           key.source == "QuorumPeer.QuorumServer" || key.source == "QuorumHierarchical";
}

void set(std::vector<Property>& properties, Property property) {
    const auto same = [&](const Property& other) { return other.key == property.key; };
    std::erase_if(properties, same);
    properties.push_back(std::move(property));
}

/// One -Dname=value.
class Definition {
  public:
    Definition(std::string_view word, std::string_view variable)
        : name_(word.substr(2, std::min(word.find('='), word.size()) - 2)),
          value_(word.substr(std::min(word.size(), name_.size() + 3))),
          variable_(variable) {}

    void read(JavaFlags& into) const {
        if (name_ == "zookeeper.root.logger") return read_level(into);
        if (name_.starts_with("zookeeper.log.") || name_.starts_with("zookeeper.console.") ||
            name_.starts_with("log4j.") || name_.starts_with("logback.")) {
            return warn(into,
                        "logs go to stderr, at the level of ZOO_LOG4J_PROP; it has no effect");
        }
        if (is_without_prefix(name_)) return take(name_, into);
        if (!name_.starts_with(kZookeeper)) return of_java(into);
        const std::string_view key = name_.substr(kZookeeper.size());
        const ConfigKey* const row = ensemble::find_config_key(key);
        if (is_without_prefix(key)) {
            return warn(into, fmt::format("the property is {}; as written it has no effect", key));
        }
        if (row == nullptr) return warn(into, "no property of this server; it has no effect");
        if (is_of_the_file_only(*row, key)) {
            return warn(into,
                        fmt::format("a key of zoo.cfg and no property, in Apache's server neither; "
                                    "it has no effect: write it into ZOO_CFG_EXTRA as {}",
                                    ensemble::shown(key, value_)));
        }
        take(key, into);
    }

  private:
    void take(std::string_view key, JavaFlags& into) const {
        set(into.properties, {std::string(key), std::string(value_), 0});
    }
    void warn(JavaFlags& into, std::string_view words) const {
        into.warnings.push_back(
            fmt::format("{}: -D{}: {}", variable_, ensemble::shown(name_, value_), words));
    }
    void of_java(JavaFlags& into) const {
        if (ensemble::find_config_key(name_) != nullptr) {
            return warn(
                into,
                fmt::format(
                    "the property is {}{}; as written it has no effect", kZookeeper, name_));
        }
        warn(into, "a property of the Java machine, and there is none; it has no effect");
    }
    void read_level(JavaFlags& into) const {
        into.log_level = log4j_level(value_);
        if (!into.log_level) warn(into, "begins with no level of log4j; it has no effect");
    }

    std::string_view name_;
    std::string_view value_;
    std::string_view variable_;
};

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const std::size_t begin = text.find_first_not_of(kBlanks);
        if (begin == std::string_view::npos) return words;
        text.remove_prefix(begin);
        words.push_back(text.substr(0, text.find_first_of(kBlanks)));
        text.remove_prefix(words.back().size());
    }
}

std::optional<LogLevel> log4j_level(std::string_view text) {
    const std::string word = ensemble::lower(text.substr(0, text.find(',')));
    if (word == "fatal") return LogLevel::error;
    if (word == "all") return LogLevel::trace;
    LogLevel level{};
    if (!parse_log_level(word, level)) return std::nullopt;
    return level;
}

void read_java_flags(std::string_view flags, std::string_view variable, JavaFlags& into) {
    std::string others;
    for (const std::string_view word : words_of(flags)) {
        if (word.size() > 2 && word.starts_with("-D")) {
            Definition(word, variable).read(into);
        } else {
            others += fmt::format("{}{}", others.empty() ? "" : " ", word);
        }
    }
    if (others.empty()) return;
    into.warnings.push_back(fmt::format(
        "{}: {}: for the Java machine, and there is none; it has no effect", variable, others));
}

}  // namespace zk::image
