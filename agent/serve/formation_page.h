// What the resident agent says to nodes that come without a controller: GET /v1/formation.
// Shell: reads what lies on the disk now. Rules: docs/PROVISIONING.md 2.3.
#pragma once

#include "agent_api/node_spec.h"
#include "agent_host/state_dir.h"
#include "http/http_listener.h"

namespace zk::agent_serve {

/// A Word made now. 503 with the reason where there is none to say: a node that zkprov has not brought into an ensemble, a
/// record that cannot be read. A node of a controller gets its nonce here.
http::Response formation_page(const agent_host::StateDir& state,
                              const agent_api::NodeSpec& spec,
                              bool serving);

}  // namespace zk::agent_serve
