// Questions and answers over one agent link, as typed calls.
// Shell. On the thread that holds the link, but for beat(). Every call has a deadline; after an AgentError the link
// stays usable, after any other error it does not
// (agent_api::agent_errc tells which it is).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent_api/link.h"
#include "agent_api/node_log.h"
#include "agent_api/removal.h"
#include "phases/link_words.h"
#include "phases/release.h"
#include "threads/mutex.h"

namespace zk::phases {

class Conversation {
  public:
    using OnEvent = std::function<void(const agent_api::Event&)>;

    explicit Conversation(std::unique_ptr<AgentLink> link) : link_(std::move(link)) {}
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    /// First of all; checks that both sides speak the same version.
    Result<agent_api::HelloOk> hello(LinkDeadline deadline);
    Result<agent_api::NodeFacts> facts(const agent_api::FactsRequest& request,
                                       LinkDeadline deadline);
    Result<agent_api::NodeHealth> health(LinkDeadline deadline);
    /// Which ZooKeeper servers run on the host.
    Result<agent_api::HostSurvey> survey(const agent_api::SurveyRequest& request,
                                         LinkDeadline deadline);
    Result<agent_api::Elections> elections(LinkDeadline deadline);
    /// A piece of the log of the node's server or agent.
    Result<agent_api::NodeLog> log(const agent_api::LogRequest& request, LinkDeadline deadline);
    /// What the resident agent's HTTP listener would answer.
    Result<agent_api::Page> page(const std::string& target, LinkDeadline deadline);
    /// Sends the blob unless the agent has it. True when it was sent.
    Result<bool> push(const Blob& blob, const std::string& install_dir, LinkDeadline deadline);
    /// ApplyDone::error becomes this call's error; `reached` then holds how far it came.
    Result<agent_api::ApplyDone> apply(const agent_api::Apply& apply,
                                       LinkDeadline deadline,
                                       const OnEvent& on_event,
                                       agent_api::ApplyDone* reached = nullptr);
    /// Writes through the node's own server.
    Result<agent_api::ProbeDone> probe(const agent_api::ProbeWrite& probe, LinkDeadline deadline);
    Result<std::string> control(agent_api::ControlAction action, LinkDeadline deadline);
    /// One stage of taking the node away.
    Result<agent_api::RemovalReport> remove(const agent_api::RemovalRequest& request,
                                            LinkDeadline deadline);
    /// Tells what this node shall remember of other members.
    Result<std::string> remember(const agent_api::MemberMemory& memory, LinkDeadline deadline);
    Result<agent_api::LockState> lock(const agent_api::LockRequest& request, LinkDeadline deadline);
    /// Tells the agent that this side is there, unless another call is being answered: then it knows.
    /// The only call that another thread may make. A link that is broken shows by the next call.
    void beat();

    [[nodiscard]] LinkCounters counters() const {
        const threads::Lock lock(busy_);
        return link_->counters();
    }
    [[nodiscard]] const LinkHello& link_hello() const { return link_->hello(); }
    void close() {
        const threads::Lock lock(busy_);
        link_->close();
    }

  private:
    Result<> send(agent_api::MessageType type, ByteView payload, LinkDeadline deadline)
        ZK_REQUIRES(busy_);
    /// The next message. An AgentError becomes this call's error.
    Result<agent_api::Message> receive(LinkDeadline deadline) ZK_REQUIRES(busy_);
    /// Receives one message of type `type` and reads its payload.
    template <class T>
    Result<T> expect(agent_api::MessageType type, LinkDeadline deadline) ZK_REQUIRES(busy_);
    Error unexpected(agent_api::MessageType type) const;

    mutable threads::Mutex busy_;  ///< from a question to its answer
    /// Its name and its hello do not change; all else of it belongs to who holds `busy_`.
    const std::unique_ptr<AgentLink> link_;
    /// A question without its answer: what comes next may be that.
    std::optional<Error> broken_ ZK_GUARDED_BY(busy_);
};

}  // namespace zk::phases
