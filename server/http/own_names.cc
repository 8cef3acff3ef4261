#include "http/own_names.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

namespace zk::http {
namespace {

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_port(std::string_view text) {
    return text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_address(std::string_view text) {
    boost::system::error_code code;
    boost::asio::ip::make_address(std::string(text), code);
    return !code;
}

}  // namespace

bool is_own_name(std::string_view host, const std::vector<std::string>& names) {
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        if (end == std::string_view::npos) return false;
        const std::string_view rest = host.substr(end + 1);
        if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return false;
        return is_address(host.substr(1, end - 1));
    }
    const std::size_t colon = host.find(':');
    if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
    std::string name(host.substr(0, colon));
    if (name.ends_with('.')) name.pop_back();
    std::transform(name.begin(), name.end(), name.begin(), small);
    if (name == "localhost" || is_address(name)) return true;
    return std::any_of(names.begin(), names.end(), [&](const std::string& own) {
        return std::equal(own.begin(), own.end(), name.begin(), name.end(), [](char a, char b) {
            return small(a) == b;
        });
    });
}

}  // namespace zk::http
