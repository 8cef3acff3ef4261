// The pages of `zkprov help` that are about no command. Pure.
#pragma once

#include <string>

namespace zk::zkprov {

std::string inventory_help();
std::string playbook_help();
std::string exit_codes_help();
std::string env_help();

}  // namespace zk::zkprov
