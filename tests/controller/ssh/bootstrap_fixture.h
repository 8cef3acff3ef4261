// The bootstrap dialogue with a real shell on this machine in place of the login shell of a host.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "ssh/bootstrap.h"
#include "ssh/local_process.h"
#include "support.h"

namespace zk::ssh::test {

class BootstrapFixture : public testing::Test {
  protected:
    BootstrapFixture() {
        host_.name = "node 1 (test)";
        options_.agent_binary = FAKE_AGENT;
        options_.remote_dir = dir_ / "state";
    }

    // Runs the dialogue in `shell_path`; `before` is put in front of the command line.
    Result<LinkHello> run(const std::string& shell_path = "/bin/sh",
                          const std::string& before = {}) {
        auto agent = load_agent_binary(options_.agent_binary);
        if (!agent.has_value()) return agent.error();
        std::string command = before + bootstrap_command(host_, options_.remote_dir);
        const std::size_t sh = command.find("/bin/sh");
        if (sh_ != "/bin/sh") command.replace(sh, 7, sh_);
        auto process = LocalProcess::start(host_.name, {shell_path, "-c", command});
        if (!process.has_value()) return process.error();
        process_ = *std::move(process);
        inbox_.clear();
        return bootstrap(*process_, host_, options_, **agent, inbox_, deadline_in(hello_time_));
    }
    static testing::AssertionResult says(const Error& error, std::string_view words) {
        if (error.words.find(words) != std::string::npos) return testing::AssertionSuccess();
        return testing::AssertionFailure() << "\"" << words << "\" is not in: " << error.words;
    }
    std::string installed() const { return options_.remote_dir + "/bin/zkprov-agent"; }
    // Whether the agent that was started echoes a frame.
    bool agent_answers() {
        const std::string frame("\0\0\0\3\7hi", 7);
        const auto deadline = deadline_in(std::chrono::seconds(10));
        if (!process_->write(frame, inbox_, deadline).has_value()) return false;
        while (inbox_.size() < frame.size()) {
            if (!process_->read(inbox_, deadline).has_value()) return false;
        }
        return inbox_ == frame;
    }
    void fake_sudo(const std::string& body) {
        ::mkdir((dir_ / "tools").c_str(), 0755);
        write_text(dir_ / "tools/sudo", "#!/bin/sh\n" + body + "\n", 0755);
    }
    std::string with_tools() const { return "PATH=" + (dir_ / "tools") + ":/usr/bin:/bin; "; }

    std::string sh_ = "/bin/sh";  ///< what the host has there
    TempDir dir_;
    HostTarget host_;
    LinkOptions options_;
    Bytes inbox_;
    std::chrono::milliseconds hello_time_{20000};
    std::unique_ptr<LocalProcess> process_;
};

}  // namespace zk::ssh::test
