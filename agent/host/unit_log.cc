#include "agent_host/unit_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>
#include <sys/wait.h>

#include "agent_api/agent_errc.h"
#include "agent_host/posix.h"
#include "agent_host/systemd.h"
#include "base/numbers.h"
#include "base/plain_line.h"
#include "child/child.h"
#include "clocks/clocks.h"

namespace zk::agent_host {
namespace {

namespace json = boost::json;
using agent_api::AgentErrc;
using agent_api::from_agent_error;
using agent_api::LogChunk;
using agent_api::LogRequest;
using agent_api::NodeLog;
using Clock = std::chrono::steady_clock;

constexpr auto kJournalPatience = std::chrono::seconds(15);
constexpr auto kUnitPatience = std::chrono::seconds(5);
constexpr const char* kJournalPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kNoJournalctl = 127;  // as a shell has it
/// An entry has all its fields beside the text; a larger one is passed over.
constexpr std::size_t kEntryBytesMax = 1024UL * 1024;
constexpr std::size_t kNoticeBytesMax = 4096;
/// Behind an entry, or from a time on when there was none yet.
constexpr std::string_view kEntryCursor = "j:";
constexpr std::string_view kTimeCursor = "t:";
constexpr std::int64_t kUsPerSecond = 1'000'000;

using OnJournalLine = std::function<bool(std::string_view line)>;

/// Text to lines, each of them bounded.
class JournalLines {
  public:
    /// False when `on_line` has said that it is enough.
    bool feed(std::string_view text, const OnJournalLine& on_line) {
        for (;;) {
            const std::size_t end = text.find('\n');
            const std::string_view part = text.substr(0, end);
            if (line_.size() + part.size() > kEntryBytesMax) too_long_ = true;
            if (!too_long_) line_ += part;
            if (end == std::string_view::npos) return true;
            const bool goes_on = too_long_ || on_line(line_);
            line_.clear();
            too_long_ = false;
            if (!goes_on) return false;
            text.remove_prefix(end + 1);
        }
    }

  private:
    std::string line_;
    bool too_long_ = false;
};

struct JournalctlEnd {
    int status = 0;      ///< as a shell has it; 0 also where we had enough
    std::string notice;  ///< what it wrote to stderr, bounded
};

struct JournalPipe {
    Fd reader;
    Fd writer;
};
Result<JournalPipe> make_journal_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe for journalctl");
    return JournalPipe{Fd(ends[0]), Fd(ends[1])};
}

int end_journalctl(pid_t pid, bool kill) {
    if (kill) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// What there is to read; nothing at its end.
std::optional<std::string_view> read_of_journalctl(int fd, std::array<char, 65536>& buffer) {
    for (;;) {
        const ssize_t size = ::read(fd, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return std::nullopt;
        return std::string_view(buffer.data(), static_cast<std::size_t>(size));
    }
}

enum class JournalHeard { all, enough, too_late };

/// Reads both ends until they are over, or `on_line` has enough.
JournalHeard listen_to(int out, int err, const OnJournalLine& on_line, std::string& notice) {
    std::array<char, 65536> buffer;
    JournalLines lines;
    std::array<pollfd, 2> ends = {{{out, POLLIN, 0}, {err, POLLIN, 0}}};
    const auto deadline = Clock::now() + kJournalPatience;
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return JournalHeard::too_late;
        if (::poll(ends.data(), ends.size(), static_cast<int>(left.count())) <= 0) continue;
        if (ends[0].fd >= 0 && ends[0].revents != 0) {
            const auto text = read_of_journalctl(out, buffer);
            if (!text) ends[0].fd = -1;
            if (text && !lines.feed(*text, on_line)) return JournalHeard::enough;
        }
        if (ends[1].fd >= 0 && ends[1].revents != 0) {
            const auto text = read_of_journalctl(err, buffer);
            if (!text) ends[1].fd = -1;
            if (text && notice.size() < kNoticeBytesMax) notice += *text;
        }
    }
    return JournalHeard::all;
}

/// Runs it until it ends or has given enough lines.
Result<JournalctlEnd> run_for_lines(const std::vector<std::string>& command,
                                    const OnJournalLine& on_line) {
    ZK_TRY(JournalPipe out, make_journal_pipe());
    ZK_TRY(JournalPipe err, make_journal_pipe());
    child::Child program;
    program.command = command;
    program.environment = child::environment_with({{"LC_ALL", "C"}, {"PATH", kJournalPath}});
    program.out = out.writer.get();
    program.err = err.writer.get();
    const auto started = child::start(program);
    if (!started.has_value()) return JournalctlEnd{kNoJournalctl, started.error().code.message()};
    out.writer = Fd();
    err.writer = Fd();
    JournalctlEnd ended;
    const JournalHeard heard = listen_to(out.reader.get(), err.reader.get(), on_line, ended.notice);
    ended.status = end_journalctl(*started, heard != JournalHeard::all);
    if (heard == JournalHeard::enough) ended.status = 0;
    if (heard != JournalHeard::too_late) return ended;
    return Error(Errc::timeout,
                 command.front() + " does not end within " +
                     std::to_string(kJournalPatience.count()) +
                     " s; is the journal of this host damaged? journalctl --verify says so");
}

/// A text; numbers, of a text that is none; several of either.
void append_message(const json::value& value, std::string& message) {
    if (value.is_string()) {
        message.append(value.get_string().data(), value.get_string().size());
    } else if (value.is_array()) {
        for (const json::value& each : value.get_array()) {
            if (each.is_int64()) {
                message += static_cast<char>(each.get_int64());
            } else {
                if (&each != &value.get_array().front()) message += '\n';
                append_message(each, message);
            }
        }
    }
}

bool is_journal_cursor(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '=' || c == ';' || c == '-' || c == '_';
    });
}

/// Where journalctl begins to read.
Result<std::vector<std::string>> journal_beginning(const LogRequest& request) {
    if (request.cursor.empty()) {
        // Where the log ends is known by its last entry.
        return std::vector<std::string>{"-n",
                                        std::to_string(std::max<std::int64_t>(request.lines, 1))};
    }
    const std::string_view cursor = request.cursor;
    if (cursor.starts_with(kEntryCursor) && is_journal_cursor(cursor.substr(kEntryCursor.size()))) {
        return std::vector<std::string>{"--after-cursor=" +
                                        std::string(cursor.substr(kEntryCursor.size()))};
    }
    const auto time = cursor.starts_with(kTimeCursor)
                          ? parse_number<std::int64_t>(cursor.substr(kTimeCursor.size()))
                          : std::nullopt;
    if (time && *time >= 0) {
        const std::string part = std::to_string(*time % kUsPerSecond);
        return std::vector<std::string>{"--since=@" + std::to_string(*time / kUsPerSecond) + "." +
                                        std::string(6 - part.size(), '0') + part};
    }
    return Error(Errc::invalid, "the cursor is not that of a journal; ask again without it");
}

/// What journalctl says where it may not see all.
bool says_no_right(const std::string& notice) {
    return notice.find("insufficient permissions") != std::string::npos ||
           notice.find("not seeing messages from other users") != std::string::npos ||
           notice.find("Permission denied") != std::string::npos;
}

/// Why there is nothing to show, or why journalctl failed; nothing: there is just nothing new.
std::optional<Error> why_no_journal(const std::string& unit,
                                    const LogRequest& request,
                                    const JournalctlEnd& ended,
                                    bool heard) {
    if (ended.status == kNoJournalctl) {
        return from_agent_error({AgentErrc::not_found,
                                 "there is no journalctl on this host, so the journal of " + unit +
                                     " cannot be read; install systemd's journal, or look for the "
                                     "log where the host's own system log is kept"});
    }
    if (says_no_right(ended.notice) && !heard) {
        return from_agent_error({AgentErrc::no_right,
                                 "no right to read the journal of " + unit +
                                     "; log in as root, as a user with passwordless sudo, or as a "
                                     "member of the group systemd-journal"});
    }
    if (ended.notice.find("No journal files were found") != std::string::npos) {
        return from_agent_error({AgentErrc::not_found,
                                 "there is no journal on this host: journald does not run, or "
                                 "keeps nothing (Storage= in /etc/systemd/journald.conf)"});
    }
    if (ended.status != 0) {
        return Error(Errc::failed,
                     "journalctl ended with status " + std::to_string(ended.status) + ": " +
                         plain_line(ended.notice));
    }
    if (heard || !request.cursor.empty()) return std::nullopt;
    const auto states = unit_states({unit}, kUnitPatience);
    if (states.has_value() && states->front().active == "missing") {
        return from_agent_error(
            {AgentErrc::not_found,
             "there is no unit " + unit +
                 " on this host, and nothing of it in the journal; zkprov apply "
                 "makes it"});
    }
    return from_agent_error({AgentErrc::not_found,
                             "the journal has nothing of " + unit +
                                 ": it was never started (zkprov start does), or the journal is "
                                 "not kept for so long (journald.conf)"});
}

}  // namespace

Result<JournalEntry> parse_journal_entry(std::string_view text) {
    boost::system::error_code code;
    // journalctl writes what is no UTF-8 as numbers; should it not, the line is made plain later.
    json::parse_options options;
    options.allow_invalid_utf8 = true;
    const json::value value =
        json::parse(json::string_view(text.data(), text.size()), code, {}, options);
    const json::object* const object = code ? nullptr : value.if_object();
    const json::value* const cursor = object ? object->if_contains("__CURSOR") : nullptr;
    if (cursor == nullptr || !cursor->is_string()) {
        return Error(Errc::corrupt, "no entry of a journal");
    }
    JournalEntry entry;
    entry.cursor.assign(cursor->get_string().data(), cursor->get_string().size());
    const json::value* const time = object->if_contains("__REALTIME_TIMESTAMP");
    if (time != nullptr && time->is_string()) {
        const auto& digits = time->get_string();
        entry.at_us = parse_number<std::int64_t>(std::string_view(digits.data(), digits.size()));
    }
    if (const json::value* const message = object->if_contains("MESSAGE")) {
        append_message(*message, entry.message);
    }
    return entry;
}

Result<NodeLog> read_unit_log(const std::string& unit,
                              const LogRequest& request,
                              const std::string& journalctl) {
    NodeLog log;
    log.source = "the journal of " + unit;
    // Before it is looked: what is written meanwhile comes with the next question.
    log.cursor = request.cursor.empty()
                     ? std::string(kTimeCursor) + std::to_string(clocks::wall_now().value() * 1000)
                     : request.cursor;
    std::vector<std::string> command = {journalctl, "--no-pager", "-a", "-o", "json", "-u", unit};
    ZK_TRY(const auto from, journal_beginning(request));
    command.insert(command.end(), from.begin(), from.end());
    LogChunk chunk(request.cursor.empty() ? agent_api::kLogLinesMax : request.lines);
    const auto ended = run_for_lines(command, [&](std::string_view line) {
        const auto entry = parse_journal_entry(line);
        if (!entry.has_value()) return true;
        if (chunk.full()) {
            log.more = true;
            return false;
        }
        chunk.add(entry->at_us, entry->message);
        log.cursor = std::string(kEntryCursor) + entry->cursor;
        return true;
    });
    if (!ended.has_value()) return ended.error();
    if (auto wrong = why_no_journal(unit, request, *ended, !chunk.lines().empty())) return *wrong;
    if (request.lines > 0) log.lines = chunk.take();
    return log;
}

}  // namespace zk::agent_host
