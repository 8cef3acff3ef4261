// Scenarios as minutes of a meeting. A line at the margin is something that happens; the indented lines below it are
// what the leader or learner then asks for. Zxids are written epoch.counter.
//
//   packet 10 ACK 2.0
//     send 10 UPTODATE zxid=-1
//
// Scene::play() runs the lines at the margin and gives the whole minutes back, to be compared with the text.
#pragma once

#include <cctype>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "jute/txn.h"
#include "zab/actions.h"
#include "zab/settings.h"

namespace zk::zab {

inline Zxid parse_zxid(const std::string& text) {
    if (text == "-1") return Zxid(-1);
    const std::size_t dot = text.find('.');
    return {Epoch(std::stoll(text.substr(0, dot))),
            static_cast<std::uint32_t>(std::stoul(text.substr(dot + 1), nullptr, 0))};
}

/// Rewrites every 0x number as epoch.counter.
inline std::string with_short_zxids(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text.compare(i, 2, "0x") != 0) {
            out += text[i++];
            continue;
        }
        std::size_t end = i + 2;
        while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end]))) ++end;
        const Zxid zxid(std::stoll(text.substr(i + 2, end - i - 2), nullptr, 16));
        out += to_string(zxid.epoch()) + '.' + std::to_string(zxid.counter());
        i = end;
    }
    return out;
}

/// A txn with this zxid; `number` makes it different from others.
inline Bytes make_txn(Zxid zxid, std::int64_t number = 0) {
    jute::Txn txn;
    txn.header.session = SessionId(number);
    txn.header.zxid = zxid;
    txn.header.type = OpCode::error;
    txn.body = jute::ErrorTxn{};
    return jute::encode_txn(txn);
}

inline ensemble::EnsembleConfig config_of(const std::vector<int>& voters) {
    ensemble::EnsembleConfig config;
    for (const int sid : voters) {
        config.members[ServerId(sid)] = {ServerId(sid), "h", 1, 2, ensemble::Role::participant, {}};
    }
    return config;
}

inline Settings make_settings(int me,
                              const std::vector<int>& voters,
                              std::uint32_t counter_limit = 0xffffffff) {
    Settings settings;
    settings.counter_limit = counter_limit;
    settings.my_id = ServerId(me);
    settings.tick = milliseconds(1000);
    settings.init_limit = 10;
    settings.sync_limit = 5;
    settings.members = std::make_shared<ensemble::Membership>(config_of(voters));
    return settings;
}

/// The words of one line at the margin: "name value key=value ...".
struct Line {
    std::vector<std::string> words;
    std::map<std::string, std::string> options;

    explicit Line(const std::string& text) {
        std::istringstream in(text);
        for (std::string word; in >> word;) {
            const std::size_t equals = word.find('=');
            if (equals == std::string::npos) {
                words.push_back(word);
            } else {
                options[word.substr(0, equals)] = word.substr(equals + 1);
            }
        }
    }
    [[nodiscard]] const std::string& word(std::size_t index) const { return words.at(index); }
    [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t otherwise) const {
        const auto it = options.find(name);
        return it == options.end() ? otherwise : std::stoll(it->second, nullptr, 0);
    }
};

/// Plays the lines at the margin of `text`; `run` does one and gives its actions.
inline std::string play(const std::string& text, const std::function<Actions(const Line&)>& run) {
    std::string minutes = "\n";
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == ' ') continue;
        minutes += line + '\n';
        if (line[0] == '#') continue;
        for (const Action& action : run(Line(line))) {
            minutes += "  " + with_short_zxids(to_string(action)) + '\n';
        }
    }
    return minutes;
}

}  // namespace zk::zab
