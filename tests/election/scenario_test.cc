// Elections as minutes of a meeting: each file of scenarios/ holds what happens ("* 1 starts
// epoch=1 zxid=...") and, indented below, what the servers then say and decide. The run must write
// the very same file. ZK_WRITE_SCENARIOS=1 writes the files anew; read the difference before you
// commit it.

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <dirent.h>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "election/election.h"
#include "election/history.h"

namespace zk::election {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

/// The value of "name=..." among the words, in decimal or 0x hex.
std::int64_t value_of(const Words& words, const std::string& name, std::int64_t otherwise = 0) {
    for (const std::string& word : words) {
        if (word.starts_with(name + "="))
            return std::stoll(word.substr(name.size() + 1), nullptr, 0);
    }
    return otherwise;
}

class Meeting {
  public:
    std::string run(const std::string& text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("    ")) continue;  // minutes of an earlier run
            minutes_ += line + "\n";
            if (line.starts_with("* ")) command(split(line.substr(2)));
        }
        return minutes_;
    }

  private:
    struct Message {
        ServerId from, to;
        Notification notification;
    };

    void command(const Words& words) {
        if (words[0] == "members") return members(words);
        if (words[0] == "wait") return wait(milliseconds(std::stoll(words[1])));
        if (words[0] == "deliver") return deliver(words);
        if (words[0] == "lose") return lose(words);
        const ServerId sid(std::stoll(words.at(0)));
        if (words[1] == "starts") {
            servers_.try_emplace(sid, sid, std::make_shared<ensemble::Membership>(config_));
            act(sid, [&](Election& election, ElectionActions& out) {
                election.start(
                    Zxid(value_of(words, "zxid")), Epoch(value_of(words, "epoch")), now_, out);
            });
        } else if (words[1] == "established") {
            server(sid).established(Epoch(value_of(words, "epoch")));
        } else if (words[1] == "serves") {
            server(sid).serving(Epoch(value_of(words, "epoch")), now_);
        } else if (words[1] == "remembers") {
            remembers(sid);
        } else if (words[1] == "stops") {
            servers_.erase(sid);
        } else if (words[1] == "hears") {  // "1 hears 3 LEADING leader=3 ..."
            hear(sid, words);
        } else {
            say(fmt::format("unknown command '{}'", words[1]));
        }
    }

    /// "members 1 2 3 observers 4 5"
    void members(const Words& words) {
        ensemble::Role role = ensemble::Role::participant;
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (words[i] == "observers") {
                role = ensemble::Role::observer;
                continue;
            }
            const ServerId sid(std::stoll(words[i]));
            config_.members[sid] = {sid, "host" + words[i], 2888, 3888, role, {}};
        }
    }

    void remembers(ServerId sid) {
        const std::string text = to_text(server(sid).history());
        std::istringstream history(text);
        const auto read = parse_searches(text);
        std::string again;
        if (read.has_value()) {
            for (const Search& search : *read) again += to_text(search);
        }
        if (again != text) say("what is remembered cannot be read");
        for (std::string line; std::getline(history, line);) say(line);
    }

    void hear(ServerId sid, const Words& words) {
        Notification notification;
        for (const PeerState state :
             {PeerState::looking, PeerState::following, PeerState::leading, PeerState::observing}) {
            if (words.at(3) == to_string(state)) notification.state = state;
        }
        notification.vote = {ServerId(value_of(words, "leader")),
                             Zxid(value_of(words, "zxid")),
                             Round(value_of(words, "round")),
                             Epoch(value_of(words, "epoch"))};
        notification.version = static_cast<std::int32_t>(value_of(words, "version", 2));
        const ServerId from(std::stoll(words.at(2)));
        act(sid, [&](Election& election, ElectionActions& out) {
            election.on_notification(from, notification, now_, out);
        });
    }

    void wait(Duration duration) {
        const Instant until = now_ + duration;
        while (true) {
            std::optional<std::pair<Instant, ServerId>> next;
            for (const auto& [sid, election] : servers_) {
                const auto deadline = election.deadline();
                if (deadline && *deadline <= until && (!next || *deadline < next->first)) {
                    next = {*deadline, sid};
                }
            }
            if (!next) break;
            now_ = std::max(now_, next->first);
            act(next->second,
                [&](Election& election, ElectionActions& out) { election.on_tick(now_, out); });
        }
        now_ = until;
    }

    /// "deliver" everything until all is quiet, or "deliver 1 2": the oldest message from 1 to 2.
    void deliver(const Words& words) {
        if (words.size() == 3)
            return deliver_one(ServerId(std::stoll(words[1])), ServerId(std::stoll(words[2])));
        for (int bound = 0; !messages_.empty() && bound < 1000; ++bound) {
            deliver_one(messages_.front().from, messages_.front().to);
        }
    }

    void deliver_one(ServerId from, ServerId to) {
        const auto found = std::find_if(messages_.begin(), messages_.end(), [&](const Message& m) {
            return m.from == from && m.to == to;
        });
        if (found == messages_.end()) return say("nothing to deliver");
        const Message message = *found;
        messages_.erase(found);
        say(fmt::format("{} -> {}: {}", from, to, to_string(message.notification)));
        act(to, [&](Election& election, ElectionActions& out) {
            // Over the wire's bytes, so that what is told here is what servers would exchange.
            auto decoded = decode_notification(encode(message.notification));
            election.on_notification(from, *decoded, now_, out);
        });
    }

    /// "lose" everything under way, or "lose 1 2": all from 1 to 2.
    void lose(const Words& words) {
        std::erase_if(messages_, [&](const Message& m) {
            return words.size() < 3 || (m.from == ServerId(std::stoll(words[1])) &&
                                        m.to == ServerId(std::stoll(words[2])));
        });
    }

    template <class Step>
    void act(ServerId sid, Step step) {
        if (!servers_.contains(sid)) return say(fmt::format("{} is not running", sid));
        ElectionActions out;
        step(server(sid), out);
        std::map<std::string, std::string> told;  // what -> to whom
        for (const auto& send : out.sends) {
            std::string& to = told[to_string(send.notification)];
            to += (to.empty() ? "" : ", ") + to_string(send.to);
            messages_.push_back({sid, send.to, send.notification});
        }
        for (const auto& [what, to] : told) say(fmt::format("{} tells {}: {}", sid, to, what));
        if (out.decided) {
            say(fmt::format("{} has decided: {} {}",
                            sid,
                            to_string(server(sid).state()),
                            to_string(*out.decided)));
        }
    }

    Election& server(ServerId sid) { return servers_.at(sid); }

    void say(const std::string& line) {
        minutes_ += fmt::format("    {:5} ms  {}\n", to_ms(now_.time_since_epoch()), line);
    }

    ensemble::EnsembleConfig config_;
    std::map<ServerId, Election> servers_;
    std::deque<Message> messages_;
    Instant now_{};
    std::string minutes_;
};

std::vector<std::string> scenario_files() {
    std::vector<std::string> names;
    DIR* directory = ::opendir(ZK_SCENARIOS);
    if (directory == nullptr) return names;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        if (name.ends_with(".txt")) names.push_back(name.substr(0, name.size() - 4));
    }
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, ReadsLikeItsMinutes) {
    const std::string path = std::string(ZK_SCENARIOS) + "/" + GetParam() + ".txt";
    std::ifstream in(path);
    ASSERT_TRUE(in) << path;
    std::stringstream text;
    text << in.rdbuf();
    const std::string minutes = Meeting().run(text.str());
    if (std::getenv("ZK_WRITE_SCENARIOS") != nullptr) std::ofstream(path) << minutes;
    EXPECT_EQ(minutes, text.str());
}

INSTANTIATE_TEST_SUITE_P(Election,
                         Scenario,
                         testing::ValuesIn(scenario_files()),
                         [](const auto& scenario) { return scenario.param; });

TEST(ScenarioFiles, AreThere) { EXPECT_GE(scenario_files().size(), 8U); }

}  // namespace
}  // namespace zk::election
