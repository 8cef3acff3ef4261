#include "admin/prometheus.h"

#include <array>
#include <map>
#include <string>

#include <fmt/core.h>

#include "admin/mntr.h"

namespace zk::admin {
namespace {

/// Java writes a double of a whole number with ".0".
std::string as_double(std::string_view number) {
    const bool whole = number.find_first_not_of("-0123456789") == std::string_view::npos;
    return std::string(number) + (whole ? ".0" : "");
}

std::string head(std::string_view name, std::string_view type) {
    return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, name, name, type);
}

std::string gauge(std::string_view name, std::string_view value) {
    return head(name, "gauge") + fmt::format("{} {}\n", name, as_double(value));
}

/// Of a name that a client has given. No path has a line's end in it.
std::string escaped(std::string_view label) {
    std::string text;
    for (const char byte : label) {
        if (byte == '\\' || byte == '"') text += '\\';
        text += byte;
    }
    return text;
}

/// One family, a value for each name below the root that has a quota.
template <class Value>
std::string by_namespace(std::string_view name,
                         std::string_view type,
                         const std::map<std::string, Value>& all,
                         const auto& value_of) {
    if (all.empty()) return {};
    std::string text = head(name, type);
    for (const auto& [key, value] : all)
        text += fmt::format("{}{{key=\"{}\",}} {}.0\n", name, escaped(key), value_of(value));
    return text;
}

std::string quotas(const Facts& facts) {
    using tree::QuotaUsage;
    const auto gauges = [&facts](std::string_view what, std::int64_t QuotaUsage::*member) {
        return by_namespace(fmt::format("quota_{}_per_namespace", what),
                            "gauge",
                            facts.quotas,
                            [member](const QuotaUsage& usage) { return usage.*member; });
    };
    return gauges("count_limit", &QuotaUsage::count_limit) +
           gauges("bytes_limit", &QuotaUsage::bytes_limit) +
           gauges("count_usage", &QuotaUsage::count) + gauges("bytes_usage", &QuotaUsage::bytes) +
           by_namespace("quota_exceeded_error_per_namespace",
                        "counter",
                        facts.quota_refusals,
                        [](std::int64_t refused) { return refused; });
}

std::string counter(std::string_view name, std::int64_t value) {
    std::string text;
    for (const std::string& each : {std::string(name), std::string(name) + "_total"})
        text += head(each, "counter") + fmt::format("{} {}.0\n", each, value);
    return text;
}

/// `label`: "key=\"app\"," or nothing.
std::string values_of(std::string_view name,
                      std::string_view label,
                      const metrics::Distribution& values,
                      bool advanced) {
    std::string text;
    constexpr std::array kParts = {0.5, 0.9, 0.95, 0.99};
    for (const double part : kParts) {
        if (part != 0.5 && !advanced) break;
        const std::string value =
            values.has_quantiles() ? fmt::format("{}.0", values.quantile(part)) : "NaN";
        text += fmt::format("{}{{{}quantile=\"{}\",}} {}\n", name, label, part, value);
    }
    const std::string braces = label.empty() ? "" : fmt::format("{{{}}}", label);
    text += fmt::format("{}_count{} {}.0\n", name, braces, values.count());
    text += fmt::format("{}_sum{} {}.0\n", name, braces, values.sum());
    return text;
}

std::string summary(std::string_view name, const metrics::Distribution& values, bool advanced) {
    return head(name, "summary") + values_of(name, "", values, advanced);
}

std::string summary_set(std::string_view name, const metrics::DistributionSet& set, bool advanced) {
    if (set.by_key().empty()) return {};
    std::string text = head(name, "summary");
    for (const auto& [key, values] : set.by_key())
        text += values_of(name, fmt::format("key=\"{}\",", escaped(key)), values, advanced);
    return text;
}

/// Of the "JVM's" metrics those of the process; a Java machine there is not.
std::string process(const ProcessFacts& facts) {
    std::string text;
    const auto add = [&text](std::string_view name, std::string_view type, const auto& value) {
        if (value) text += head(name, type) + fmt::format("{} {}\n", name, *value);
    };
    add("process_cpu_seconds_total", "counter", facts.cpu_seconds);
    add("process_start_time_seconds", "gauge", facts.started_seconds);
    add("process_open_fds", "gauge", facts.open_files);
    add("process_max_fds", "gauge", facts.open_files_max);
    add("process_virtual_memory_bytes", "gauge", facts.virtual_bytes);
    add("process_resident_memory_bytes", "gauge", facts.resident_bytes);
    return text;
}

}  // namespace

std::string prometheus_page(const Facts& facts, const ensemble::ServerConfig& config) {
    std::string text;
    for (const Measure& measure : gauges_of(facts, config)) {
        if (!measure.is_text) text += gauge(measure.name, measure.value);
    }
    text += quotas(facts);
    for (std::size_t i = 0; i < static_cast<std::size_t>(metrics::Counter::count); ++i) {
        const auto one = static_cast<metrics::Counter>(i);
        text += counter(metrics::name_of(one), facts.counts.value(one));
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(metrics::Summary::count); ++i) {
        const auto one = static_cast<metrics::Summary>(i);
        text += summary(metrics::name_of(one), facts.counts.value(one), metrics::is_advanced(one));
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(metrics::SummarySet::count); ++i) {
        const auto one = static_cast<metrics::SummarySet>(i);
        text +=
            summary_set(metrics::name_of(one), facts.counts.value(one), metrics::is_advanced(one));
    }
    if (config.metrics_of_process) text += process(facts.process);
    return text;
}

}  // namespace zk::admin
