#include "zkcli/shell.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "base/json_text.h"
#include "base/numbers.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/words.h"
#include "zkcli/runner.h"
#include "zkcli/version.h"

namespace zk::zkcli {

using cli::JsonObject;
using cli::Verb;
using client::SessionState;

namespace {

void put(FILE* stream, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

const char* state_text(SessionState state) {
    switch (state) {
        case SessionState::connecting:
            return "CONNECTING";
        case SessionState::connected:
            return "CONNECTED";
        case SessionState::connected_read_only:
            return "CONNECTEDREADONLY";
        case SessionState::auth_failed:
            return "AUTH_FAILED";
        case SessionState::closed:
            break;
    }
    return "CLOSED";
}

std::string history_file() {
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): the only thread
    return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.zkcli_history";
}

/// One object for each command, also for one that failed.
std::string json_line(const std::string& name, const Outcome& outcome) {
    JsonObject line;
    line.text("command", name).flag("ok", outcome.error.empty());
    if (outcome.error.empty()) return line.raw("result", outcome.result).str() + "\n";
    std::string words = outcome.err;
    while (!words.empty() && words.back() == '\n') words.pop_back();
    line.text("error", outcome.error).text("message", words);
    if (!outcome.error_path.empty()) line.text("path", outcome.error_path);
    return line.str() + "\n";
}

}  // namespace

Shell::Shell(cli::Options options) : options_(std::move(options)) {}

Shell::~Shell() {
    session_.reset();
    loop_.settle();
}

Result<> Shell::open(const std::string& server) {
    client::SessionOptions wanted;
    ZK_TRY(wanted.where, client::parse_connect_string(server));
    wanted.session_timeout = options_.timeout;
    wanted.read_only = options_.read_only;
    current_server_ = server;
    session_ = std::make_unique<client::Session>(
        loop_.context().get_executor(), std::move(wanted), [this](const client::Event& event) {
            on_event(event);
        });
    session_->start();
    return ok();
}

int Shell::run() {
    if (!options_.json) put(stdout, "Connecting to " + options_.server + "\n");
    const auto opened = open(options_.server);
    if (!opened.has_value()) {
        put(stderr, "zkcli: -server: " + opened.error().message() + "\n");
        return 1;
    }
    if (options_.wait_for_connection) {
        const auto ready = loop_.run(session_->ready_within(options_.timeout));
        if (!ready.has_value()) {
            outcome_.fail("CONNECTIONLOSS",
                          cli::connection_loss_text("") + "\n" + ready.error().message());
            finish("connect");
            return 1;
        }
    }
    return options_.command.empty() ? run_lines() : run_one();
}

int Shell::run_one() {
    std::string line;
    for (const auto& word : options_.command) line += (line.empty() ? "" : " ") + word;
    history_.push_back(line);
    run_words(options_.command);
    leave();
    return exit_code_;
}

int Shell::run_lines() {
    if (!options_.json) put(stdout, "Welcome to ZooKeeper!\n");
    if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
        TerminalOptions terminal;
        terminal.prompt = [this] { return prompt(); };
        terminal.children = [this](const std::string& path) { return children(path); };
        terminal.history_file = history_file();
        lines_ = terminal_lines(loop_, std::move(terminal));
    }
    if (!lines_) lines_ = pipe_lines(loop_);
    while (!quit_) {
        const auto line = lines_->next();
        if (!line) break;
        take_line(*line);
    }
    leave();
    return exit_code_;
}

/// At the end of the input, which Apache's shell takes without a word.
void Shell::leave() {
    print_events_ = false;
    close_session();
}

void Shell::take_line(const std::string& line) {
    outcome_ = Outcome();
    const auto words = cli::split_words(line);
    if (words.has_value() && words->empty()) return;
    history_.push_back(line);
    if (!words.has_value()) {
        outcome_.fail("USAGE", words.error().words);
        return finish("");
    }
    run_words(*words);
}

void Shell::run_words(const std::vector<std::string>& words) {
    outcome_ = Outcome();
    const auto command = cli::read_command(words);
    if (!command.has_value()) {
        const bool unknown = command.error().code == make_error_code(Errc::not_found);
        outcome_.fail(
            unknown ? "UNKNOWNCOMMAND" : "USAGE", command.error().words, {}, unknown ? 127 : 1);
        return finish(words.front());
    }
    run_command(*command);
}

void Shell::run_command(const cli::Command& command) {
    if (command.spec->verb == Verb::redo) return redo(command);
    if (!run_own(command)) {
        const SessionState state = session_->state();
        if (state == SessionState::closed || state == SessionState::auth_failed) {
            outcome_.out = "Not connected\n";
            outcome_.exit_code = 1;
            outcome_.error = "NOTCONNECTED";
        } else {
            outcome_ = Runner(loop_, *session_).run(command);
        }
    }
    finish(std::string(command.spec->name));
}

bool Shell::run_own(const cli::Command& command) {
    switch (command.spec->verb) {
        case Verb::quit:
            close_session();
            // The code of the last command stays.
            outcome_.exit_code = exit_code_;
            quit_ = true;
            return true;
        case Verb::close:
            close_session();
            return true;
        case Verb::connect:
            connect(command);
            return true;
        case Verb::history:
            put_history();
            return true;
        case Verb::print_watches:
            print_watches(command);
            return true;
        case Verb::version:
            outcome_.out = std::string("ZooKeeper CLI version: zkcli ") + kVersion + ", built on " +
                           kBuiltOn + "\n";
            outcome_.result = json_string(kVersion);
            return true;
        case Verb::help: {
            const auto text = cli::help(command.operand(0).value_or(""));
            if (text.has_value()) {
                outcome_.out = *text;
                outcome_.result = json_string(*text);
            } else {
                outcome_.fail("USAGE", text.error().words);
            }
            return true;
        }
        default:
            return false;
    }
}

void Shell::connect(const cli::Command& command) {
    const std::string server = command.operand(0).value_or(current_server_);
    const auto parsed = client::parse_connect_string(server);
    if (!parsed.has_value()) return outcome_.fail("USAGE", parsed.error().words);
    close_session();
    const auto opened = open(server);
    if (!opened.has_value()) outcome_.fail("USAGE", opened.error().words);
}

void Shell::put_history() {
    constexpr std::size_t kShown = 11;
    std::vector<std::string> shown;
    const std::size_t from = history_.size() > kShown ? history_.size() - kShown : 0;
    for (std::size_t i = from; i < history_.size(); ++i) {
        outcome_.out += std::to_string(i) + " - " + history_[i] + "\n";
        shown.push_back(history_[i]);
    }
    outcome_.result = cli::json_list(shown);
}

void Shell::redo(const cli::Command& command) {
    const auto number = parse_number<std::size_t>(command.operands[0]);
    // The last one is this redo.
    if (!number || *number + 1 >= history_.size()) {
        outcome_.fail("USAGE", "Command index out of range");
        return finish("redo");
    }
    const std::string line = history_[*number];
    const auto words = cli::split_words(line);
    if (!words.has_value() || words->empty() || words->front() == "redo") {
        outcome_.fail("USAGE", "No redoing redos");
        return finish("redo");
    }
    history_.back() = line;
    run_words(*words);
}

void Shell::print_watches(const cli::Command& command) {
    const auto wanted = command.operand(0);
    if (!wanted) {
        outcome_.out = std::string("printwatches is ") + (print_events_ ? "on" : "off") + "\n";
    } else if (*wanted == "on" || *wanted == "off") {
        print_events_ = *wanted == "on";
    } else {
        return outcome_.fail("USAGE", command.spec->usage());
    }
    outcome_.result = print_events_ ? "true" : "false";
}

void Shell::close_session() { loop_.run(session_->close()); }

void Shell::on_event(const client::Event& event) {
    if (!print_events_) return;
    if (options_.json && !options_.command.empty()) return;
    std::string text = options_.json ? cli::event_json(event.kind, event.state, event.path) + "\n"
                                     : cli::event_text(event.kind, event.state, event.path);
    if (lines_) {
        lines_->interject(text);
    } else {
        put(stdout, text);
    }
}

void Shell::finish(const std::string& name) {
    exit_code_ = outcome_.exit_code;
    if (options_.json) return put(stdout, json_line(name, outcome_));
    put(stdout, outcome_.out);
    put(stderr, outcome_.err);
}

std::string Shell::prompt() {
    return "[zk: " + current_server_ + "(" + state_text(session_->state()) + ") " +
           std::to_string(history_.size()) + "] ";
}

std::vector<std::string> Shell::children(const std::string& path) {
    return Runner(loop_, *session_).children(path);
}

}  // namespace zk::zkcli
