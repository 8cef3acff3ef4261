// The shell itself: one session after the other, the history, what is printed and which exit code remains. Shell.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "client/session.h"
#include "zkcli/loop.h"
#include "zkcli/outcome.h"
#include "zkcli/terminal.h"

namespace zk::zkcli {

class Shell {
  public:
    explicit Shell(cli::Options options);
    ~Shell();
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;

    /// Connects and carries out the command, or what is typed. The program's exit code.
    int run();

  private:
    int run_one();
    int run_lines();
    void leave();
    Result<> open(const std::string& server);
    void take_line(const std::string& line);
    void run_words(const std::vector<std::string>& words);
    void run_command(const cli::Command& command);
    /// History, watches and so on: nothing that a server is asked for. False: it is another one.
    bool run_own(const cli::Command& command);
    void connect(const cli::Command& command);
    void redo(const cli::Command& command);
    void print_watches(const cli::Command& command);
    void put_history();
    void close_session();
    void on_event(const client::Event& event);
    /// Prints what a command came to, and remembers its exit code.
    void finish(const std::string& name);
    std::string prompt();
    std::vector<std::string> children(const std::string& path);

    cli::Options options_;
    Loop loop_;
    std::unique_ptr<client::Session> session_;
    std::unique_ptr<LineSource> lines_;
    std::vector<std::string> history_;
    std::string current_server_;
    Outcome outcome_;
    int exit_code_ = 0;
    bool print_events_ = true;
    bool quit_ = false;
};

}  // namespace zk::zkcli
