// zkprov logs: the log of one node, and what comes behind it. No recipe, no plan, nothing is changed.
#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "agent_api/agent_errc.h"
#include "agent_api/node_log.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/plain_line.h"
#include "phases/runner.h"
#include "status/ensemble_judge.h"

namespace zk::phases {
namespace {

using agent_api::LogLine;
using agent_api::LogRequest;
using agent_api::NodeLog;

constexpr milliseconds kLogsLimit{30000};  // an agent gives its journal up after 15 s
constexpr milliseconds kLogsPause{50};

/// "2026-11-28T19:20:11", as servers and agents begin their lines themselves.
bool begins_with_time(std::string_view text) {
    constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
    if (text.size() < kForm.size()) return false;
    for (std::size_t at = 0; at < kForm.size(); ++at) {
        const bool digit = text[at] >= '0' && text[at] <= '9';
        const bool gap = kForm[at] == 'T' && text[at] == ' ';
        if (kForm[at] == 'd' ? !digit : text[at] != kForm[at] && !gap) return false;
    }
    return true;
}

class Logs {
  public:
    Logs(const inventory::Inventory& inventory,
         const RunSettings& settings,
         Console& console,
         const LogsRequest& request)
        : inventory_(inventory), settings_(settings), console_(console), request_(request) {}

    ExitCode run() {
        if (auto stop = connect()) return ended(*stop);
        auto stop = show_last();
        if (!stop && request_.follow) stop = follow();
        host().talk->close();
        return stop ? ended(*stop) : ExitCode::done;
    }

  private:
    Host& host() { return hosts_.front(); }

    ExitCode ended(const Stop& stop) {
        report_stop(console_, "logs", stop);
        return stop.code;
    }
    Stop failed(const Error& error) {
        host().failure = error;
        return {exit_code_of(error),
                {name_of(*host().node) + ": " + plain_line(reason_of(host()))}};
    }

    std::optional<Stop> connect() {
        hosts_ = make_hosts(inventory_);
        std::erase_if(hosts_, [this](const Host& each) { return each.node->id != request_.node; });
        connect_all(hosts_, settings_, kLogsLimit);
        if (host().failure) return failed(*host().failure);
        return std::nullopt;
    }

    /// Errors: also the log of another node.
    Result<NodeLog> ask(std::int64_t lines) {
        const LogRequest question{request_.of, lines, cursor_};
        ZK_TRY(auto log, host().talk->log(question, settings_.deadline_for(kLogsLimit)));
        agent_api::NodeHealth identity;
        identity.cluster = log.cluster;
        identity.sid = log.sid;
        const std::string other = status::other_identity(inventory_, request_.node, identity);
        if (!other.empty()) return Error(Errc::refused, plain_line(other));
        // An agent that does not get on would be asked for ever.
        if (log.cursor == cursor_) log.more = false;
        cursor_ = log.cursor;
        return log;
    }

    /// The last lines, which may come in several pieces, and more than were asked for.
    std::optional<Stop> show_last() {
        std::deque<LogLine> last;
        std::int64_t taken = 0;
        std::int64_t lines = request_.lines;
        for (bool more = true; more && taken < request_.lines + agent_api::kLogLinesMax;) {
            if (settings_.is_interrupted()) {
                if (request_.follow) return std::nullopt;
                return Stop{ExitCode::interrupted, {"interrupted"}};
            }
            auto log = ask(lines);
            if (!log) return failed(log.error());
            more = log->more;
            taken += static_cast<std::int64_t>(log->lines.size());
            for (LogLine& line : log->lines) last.push_back(std::move(line));
            while (static_cast<std::int64_t>(last.size()) > request_.lines) last.pop_front();
            lines = agent_api::kLogLinesMax;
        }
        print(last);
        return std::nullopt;
    }

    std::optional<Stop> follow() {
        for (bool more = false; more ? goes_on() : wait();) {
            auto log = ask(agent_api::kLogLinesMax);
            more = log && log->more;
            if (log) {
                said_.clear();
                if (log->lost) say_lost(*log);
                print(log->lines);
                continue;
            }
            // What a poll met that was under way when the time was over, or Ctrl-C came, is no failure.
            if (!goes_on(kLogsPause)) return std::nullopt;
            if (!may_pass(log.error())) return failed(log.error());
            say_once(failed(log.error()).messages.front());
            host().failure.reset();
        }
        return std::nullopt;
    }

    /// Until the next question is due; false when there is none any more.
    [[nodiscard]] bool wait() const {
        const LinkDeadline next = deadline_in(request_.interval);
        while (goes_on() && LinkDeadline::clock::now() < next) {
            std::this_thread::sleep_for(std::min(request_.interval, kLogsPause));
        }
        return goes_on();
    }

    /// `margin`: a link may give up a moment before its time.
    [[nodiscard]] bool goes_on(milliseconds margin = milliseconds(0)) const {
        return !settings_.is_interrupted() && LinkDeadline::clock::now() + margin <
                                                  settings_.deadline.value_or(LinkDeadline::max());
    }
    /// The link is as good as before, and the container may just be made anew.
    static bool may_pass(const Error& error) {
        const auto code = agent_api::agent_errc(error);
        return code == agent_api::AgentErrc::not_found || code == agent_api::AgentErrc::failed;
    }

    void say_once(const std::string& words) {
        if (said_ == words) return;
        said_ = words;
        console_.say(words + "; asking again");
    }
    void say_lost(const NodeLog& log) {
        console_.say(name_of(*host().node) + ": some lines are missing here: " +
                     plain_line(log.source) + " was replaced or emptied before they were read");
    }

    template <class Lines>
    void print(const Lines& lines) {
        std::string text;
        for (const LogLine& line : lines) text += console_.json() ? json_of(line) : text_of(line);
        if (!text.empty()) console_.data(text);
    }
    [[nodiscard]] static std::string text_of(const LogLine& line) {
        const std::string text = plain_line(line.text) + "\n";
        if (!line.at_us || begins_with_time(text)) return text;
        return utc_text(WallMs(*line.at_us / 1000)) + "  " + text;
    }
    [[nodiscard]] std::string json_of(const LogLine& line) const {
        return fmt::format(
            R"({{"schema":"zkprov.logs/1","node":{},"of":"{}","at_ms":{},"text":{}}})"
            "\n",
            request_.node,
            to_string(request_.of),
            line.at_us ? std::to_string(*line.at_us / 1000) : "null",
            json_string(plain_line(line.text)));
    }

    const inventory::Inventory& inventory_;
    const RunSettings& settings_;
    Console& console_;
    const LogsRequest& request_;
    std::vector<Host> hosts_;
    std::string cursor_;
    std::string said_;
};

}  // namespace

ExitCode run_logs(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  const LogsRequest& request) {
    return Logs(inventory, settings, console, request).run();
}

}  // namespace zk::phases
