// What the agent's HTTP listener answers: docs/OPERATIONS.md, "The agent's pages".
// Pure: a request, what the node says of itself and the events kept go in, the answer comes out. A look that is too old is
// never told as what is: then /healthz and /readyz fail, and pages say `"fresh":false`.
#pragma once

#include "agent_api/election_record.h"
#include "agent_api/node_health.h"
#include "agent_serve/event_log.h"
#include "http/http_listener.h"

namespace zk::agent_serve {

http::Response answer_http(const http::Request& request,
                           const agent_api::NodeHealth& health,
                           const EventLog& events,
                           const agent_api::ElectionsKept& kept);

}  // namespace zk::agent_serve
