# A steady load: what it costs, and how late messages come.
load here."/common.gp"
set title "1,000 messages a second to 100 subscribers (less is better)"
set logscale y
set yrange [0.1:*]
set style histogram clustered gap 1
plot data using 2:xtic(1) title "CPU seconds for a million deliveries" linecolor rgb "#1f5fa8", \
     "" using 3 title "latency, p99, ms" linecolor rgb "#c8743c"
