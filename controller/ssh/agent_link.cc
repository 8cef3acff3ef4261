#include "ssh/agent_link.h"

#include <unistd.h>

#include "ssh/bootstrap.h"
#include "ssh/client_choice.h"
#include "ssh/local_process.h"
#include "ssh/plain_line.h"

namespace zk {
namespace {

constexpr int kNotStarted = 126;  // of sh: the program is there and cannot be executed

// Frames over the stdin and stdout of a process, near or far.
class ProcessLink final : public AgentLink {
  public:
    ProcessLink(std::string name,
                std::unique_ptr<ProcessStream> stream,
                LinkHello hello,
                Bytes inbox)
        : name_(std::move(name)),
          stream_(std::move(stream)),
          hello_(std::move(hello)),
          inbox_(std::move(inbox)) {}
    ~ProcessLink() override { ProcessLink::close(); }

    Result<> send(agent_api::MessageType type, ByteView payload, LinkDeadline deadline) override {
        if (stream_ == nullptr) return closed();
        const Bytes frame = agent_api::encode_frame(type, payload);
        auto sent = stream_->write(frame, inbox_, deadline);
        if (!sent.has_value()) return explain(sent.error());
        ++frames_sent_;
        return ok();
    }

    Result<agent_api::Message> receive(LinkDeadline deadline) override {
        while (true) {
            decoder_.feed(inbox_);
            inbox_.clear();
            auto message = decoder_.next();
            if (!message.has_value()) {
                return link_error(LinkErrc::protocol,
                                  name_ + ": the agent sent something that is not a frame (" +
                                      message.error().words + "); are both of one release?");
            }
            if (message->has_value()) {
                ++frames_received_;
                return **std::move(message);
            }
            if (stream_ == nullptr) return closed();
            auto got = stream_->read(inbox_, deadline);
            // What came before the end is still delivered.
            if (!got.has_value() && inbox_.empty()) return explain(got.error());
        }
    }

    [[nodiscard]] const LinkHello& hello() const override { return hello_; }
    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] LinkCounters counters() const override {
        LinkCounters counters = stream_ == nullptr ? last_counters_ : stream_->counters();
        counters.frames_sent = frames_sent_;
        counters.frames_received = frames_received_;
        return counters;
    }
    void close() override {
        if (stream_ == nullptr) return;
        stream_->close();
        last_counters_ = stream_->counters();
        stream_ = nullptr;
    }

  private:
    Error closed() const { return link_error(LinkErrc::closed, name_ + ": the link is closed"); }

    // An agent that ended with an error or with words on stderr has failed; else the link just
    // ended.
    Error explain(const Error& error) const {
        if (link_errc(error) != LinkErrc::closed) return error;
        const std::string words = plain_line(stream_->last_words());
        const auto status = stream_->exit_status();
        if (!status.has_value() || (*status == 0 && words.empty())) return error;
        if (frames_received_ == 0 && *status == kNotStarted) {
            return link_error(LinkErrc::agent_failed,
                              name_ + ": the host does not let the agent's program run" +
                                  (words.empty() ? std::string() : " (" + words + ")") +
                                  "; a file system mounted noexec or a security policy forbids it: "
                                  "name another directory with ssh.agent_dir in the inventory");
        }
        return link_error(LinkErrc::agent_failed,
                          name_ + ": the agent ended with status " + std::to_string(*status) +
                              (words.empty() ? std::string() : "; it said: " + words));
    }

    std::string name_;
    std::unique_ptr<ProcessStream> stream_;
    LinkHello hello_;
    Bytes inbox_;
    agent_api::FrameDecoder decoder_;
    LinkCounters last_counters_;
    std::uint64_t frames_sent_ = 0;
    std::uint64_t frames_received_ = 0;
};

}  // namespace

Result<std::unique_ptr<AgentLink>> open_ssh_link(const HostTarget& host,
                                                 const LinkOptions& options) {
    if (!is_plain_path(options.remote_dir)) {
        return Error(Errc::invalid,
                     host.name + ": the directory " + options.remote_dir +
                         " must be an absolute path of letters, digits and ./_-+@");
    }
    ZK_TRY(const auto agent, load_agent_binary(options.agent_binary));
    ZK_TRY(ReachedHost reached, reach_host(host, options));
    Bytes inbox;
    auto hello = bootstrap(*reached.stream, reached.host, options, *agent, inbox, reached.deadline);
    if (!hello.has_value()) return explain_unreached(reached, hello.error());
    return std::unique_ptr<AgentLink>(std::make_unique<ProcessLink>(
        host.name, std::move(reached.stream), *std::move(hello), std::move(inbox)));
}

Result<std::unique_ptr<AgentLink>> open_local_link(const LocalTarget& target) {
    ZK_TRY(const auto agent, load_agent_binary(target.agent_binary));
    LinkHello hello;
    hello.uid = ::getuid();
    hello.agent_sha256 = agent->sha256;
    ZK_TRY(auto process,
           LocalProcess::start(
               target.name,
               {target.agent_binary, "connect", "--stdio", "--state-dir", target.state_dir}));
    return std::unique_ptr<AgentLink>(
        std::make_unique<ProcessLink>(target.name, std::move(process), std::move(hello), Bytes()));
}

}  // namespace zk
