// Health of this node for a session: from the resident agent, or, without one, from one look at the
// server. Shell. Blocking, bounded to about nine seconds.
#pragma once

#include "agent_api/link.h"
#include "agent_api/node_health.h"
#include "agent_host/server_probe.h"
#include "agent_host/state_dir.h"
#include "node_judge/node_judge.h"

namespace zk::agent_serve {

agent_api::NodeHealth node_health(const agent_host::StateDir& state);

/// `failure`: why the specification cannot be read; empty: there is none.
agent_api::Finding nothing_installed(const std::string& failure);

/// What is remembered here of elections: by the server, and by the agent on the disk.
agent_api::Elections node_elections(const agent_host::StateDir& state);

/// What both the resident agent and a single look need: the judge's settings and the parts of a
/// probe that are not the server's answer.
node_judge::JudgeSettings judge_settings(const agent_api::NodeSpec& spec);
void fill_answer(node_judge::Probe& probe, agent_host::ServerAnswer answer);
void fill_process(node_judge::Probe& probe, std::int64_t pid);

}  // namespace zk::agent_serve
