// The result as one line, for people or as JSON.
#pragma once

#include <string>

#include "zkload/load.h"
#include "zkload/options.h"

namespace zk::load {

std::string report(const Options& options, const Measured& measured);
std::string report_json(const Options& options, const Measured& measured);

}  // namespace zk::load
