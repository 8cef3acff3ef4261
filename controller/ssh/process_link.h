// Frames over the stdin and stdout of a process, near or far: AgentLink once the dialogue before
// the frames is over. Shell. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent_api/link.h"
#include "ssh/agent_link.h"
#include "ssh/stream.h"

namespace zk::ssh {

class ProcessLink final : public AgentLink {
  public:
    /// `inbox` is what came of the frames so far. `login_user`: whose login shell is in between, or
    /// empty when none is.
    ProcessLink(std::string name,
                std::unique_ptr<ProcessStream> stream,
                LinkHello hello,
                Bytes inbox,
                std::string login_user);
    ~ProcessLink() override { ProcessLink::close(); }

    Result<> send(agent_api::MessageType type, ByteView payload, LinkDeadline deadline) override;
    Result<agent_api::Message> receive(LinkDeadline deadline) override;
    [[nodiscard]] const LinkHello& hello() const override { return hello_; }
    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] LinkCounters counters() const override;
    void close() override;

  private:
    Error not_a_frame(const Error& error, LinkDeadline deadline);
    Error not_of_the_agent(const agent_api::Message& message, std::size_t at);
    [[nodiscard]] Error mixed(const std::string& shown) const;
    [[nodiscard]] Error closed() const;
    [[nodiscard]] Error explain(const Error& error) const;
    [[nodiscard]] Error ended_with(int status, const std::string& words) const;

    std::string name_;
    std::unique_ptr<ProcessStream> stream_;
    LinkHello hello_;
    Bytes inbox_;
    std::string login_user_;
    agent_api::FrameDecoder decoder_;
    std::optional<Error> broken_;  ///< no frame is found any more
    LinkCounters last_counters_;
    std::uint64_t frames_sent_ = 0;
    std::uint64_t frames_received_ = 0;
};

}  // namespace zk::ssh
