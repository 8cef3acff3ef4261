// Which orders of phases are safe. Pure.
// A roll stands on facts, on the checks of each host, on a plan and on gates: without one of them it
// could take down a quorum. The run lock is not among the phases: no recipe may leave it out.
#pragma once

#include <string>
#include <vector>

#include "playbook/playbook.h"

namespace zk::playbook {

/// One thing wrong with the order: at which phase (an index), and what to write instead.
struct OrderFault {
    std::size_t phase = 0;
    std::string words;
};
std::vector<OrderFault> order_faults(const std::vector<Phase>& phases);

}  // namespace zk::playbook
