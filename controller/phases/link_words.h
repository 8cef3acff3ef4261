// The words of links that nearly every phase speaks: they are phases' own here.
#pragma once

#include "ssh/agent_link.h"
#include "ssh/link_error.h"

namespace zk::phases {

using ssh::AgentLink;
using ssh::deadline_in;
using ssh::link_errc;
using ssh::link_error;
using ssh::LinkCounters;
using ssh::LinkDeadline;
using ssh::LinkErrc;
using ssh::LinkHello;

}  // namespace zk::phases
