// The resident agent's looks at its host: files on one helper thread, so that a file system that hangs (a dead NFS server, a
// broken disk) hangs a thread and not the agent.
// Shell, Asio; lives on the resident agent's loop. The thread sees only copies, and its own HostLook.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "agent_api/node_spec.h"
#include "agent_serve/host_look.h"
#include "node_judge/probe.h"

namespace zk::agent_serve {

class HostLooks {
  public:
    /// Fills in what files tell, and names each path to `at` before it touches it. Called on the thread.
    using LookAtFiles =
        std::function<void(node_judge::Probe&, const agent_api::NodeSpec&, const AtPath& at)>;
    /// What a new specification begins with; made on the loop, called on the thread.
    using MakeLook = std::function<LookAtFiles()>;

    explicit HostLooks(boost::asio::io_context& loop) : HostLooks(loop, &HostLooks::look) {}
    HostLooks(boost::asio::io_context& loop, MakeLook make);
    /// A thread that hangs is left to itself: nothing of what it holds is anybody else's.
    ~HostLooks();
    HostLooks(const HostLooks&) = delete;
    HostLooks& operator=(const HostLooks&) = delete;

    /// What is known now of files and processes; waits for `patience` at most, and not again for what kept it waiting
    /// before. Of files that take longer it is what was known before, and after kSilentAfter nothing but which one it is.
    /// REQUIRES: answer and process of `*probe` are filled in.
    boost::asio::awaitable<void> fill(node_judge::Probe* probe,
                                      agent_api::NodeSpec spec,
                                      std::chrono::milliseconds patience = kPatience);
    /// Another specification begins anew.
    void forget();
    /// Files have not answered for so long that nobody should touch them.
    [[nodiscard]] bool is_silent() const;

    static constexpr std::chrono::milliseconds kPatience{300};
    static constexpr std::chrono::milliseconds kSilentAfter{3000};

  private:
    struct Shared;

    static LookAtFiles look();
    /// False when another look is still under way.
    bool begin(const node_judge::Probe& probe, const agent_api::NodeSpec& spec);

    boost::asio::io_context& loop_;
    MakeLook make_;
    HostLook processes_;
    std::shared_ptr<Shared> shared_;  ///< with the thread that looks; null: none yet
    node_judge::Probe known_;         ///< its files only
};

/// One look by somebody else than the resident agent: the same of files and processes, within HostLooks::kSilentAfter.
void look_once(node_judge::Probe& probe, const agent_api::NodeSpec& spec);

}  // namespace zk::agent_serve
