#include "ssh/agent_link.h"

#include <unistd.h>

#include "ssh/bootstrap.h"
#include "ssh/client_choice.h"
#include "ssh/local_process.h"
#include "ssh/process_link.h"

namespace zk::ssh {

Result<std::unique_ptr<AgentLink>> open_ssh_link(const HostTarget& host,
                                                 const LinkOptions& options) {
    if (!options.state_dir.empty() && !is_plain_path(options.state_dir)) {
        return Error(Errc::invalid,
                     host.name + ": no plain path of a state directory: " + options.state_dir);
    }
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
    return std::unique_ptr<AgentLink>(std::make_unique<ProcessLink>(host.name,
                                                                    std::move(reached.stream),
                                                                    *std::move(hello),
                                                                    std::move(inbox),
                                                                    reached.host.user));
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
    return std::unique_ptr<AgentLink>(std::make_unique<ProcessLink>(
        target.name, std::move(process), std::move(hello), Bytes(), std::string()));
}

}  // namespace zk::ssh
